"""The ring that knows all contexts: what follows whom, what runs it, and what is asked of it.

Its folders form layers, from the bottom: `concurrency`, `gateways` and `steps`; `persistence`; `leases`;
`followers`; `kinds`, `processes`, `projections` and `runner`; `workers`; `definition`; `settings`; `stores`;
`bootstrap`; `queries` and `operations`; `audit`; `recovery`, `imports`, `catalogue`, `bench`
and `observability`. Each
imports from those below it alone, and those of one layer are strangers to each other.
Its folders form layers, from the bottom: `concurrency`, `gateways` and `steps`; `persistence`; `leases` and
`snapshots`; `followers`; `processes`, `projections` and `runner`; `workers`; `definition`; `settings`;
`stores`; `bootstrap`; `queries` and `operations`; `audit`; `recovery`, `imports`, `bench` and
`observability`. Each imports from those below it alone, and those of one layer are strangers to each other.
`bootstrap`; `queries` and `operations`; `audit`; `recovery`, `imports`, `catalogue`, `bench` and
`observability`; `deploying`. Each imports from those below it alone, and those of one layer are strangers to
each other.
"""
