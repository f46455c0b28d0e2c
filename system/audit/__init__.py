"""The conservation audit: is any money or stock lost, held for nobody, or counted twice?

It reads events, never read models, which could be wrong themselves. What each rule means and what to do
about an offender is in docs/procedures/audit.md.
"""

from .report import AuditReport, Offender, Rule
from .run import Progress, Stage, audit, audit_order

__all__ = ["AuditReport", "Offender", "Progress", "Rule", "Stage", "audit", "audit_order"]
