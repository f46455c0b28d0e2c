"""The ring that knows all contexts: what follows whom, what runs it, and what is asked of it.

Its folders form layers, from the bottom: `concurrency`, `gateways` and `steps`; `persistence`; `leases`
and `snapshots`; `followers`; `kinds`, `processes`, `projections` and `runner`; `workers`; `definition`;
`settings`; `stores`; `bootstrap`; `verification`; `operations` and `queries`; `audit`; `bench`,
`catalogue`, `imports`, `observability` and `recovery`; `deploying`. Each imports from those below it
alone, and those of one layer are strangers to each other.
"""
