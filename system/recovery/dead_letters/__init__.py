"""The dead-letter desk: everything that waits for a person, in one list, and what can be done about it.

`desk` is what the API and the command line ask. It asks the sources of cases: `parked_events`, `calls` and
`sagas`. One more kind of case is one more module with a `source.CaseSource`, and a line in `desk.SOURCES`.
"""
