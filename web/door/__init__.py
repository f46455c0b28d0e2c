"""The door: takes whole requests in and hands whole answers out, whatever clients do meanwhile.

One thread reads and writes for all connections, so a silent or slow client costs no thread; only a
request that is there as a whole gets one. Nothing here knows what the requests are about.
"""
