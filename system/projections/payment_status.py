"""Which status of a payment each of its events leads to."""

from typing import Any

from domain.payments import Payment

PAYMENT_STATUS: dict[type[Any], str] = {
    Payment.Requested: "REQUESTED",
    Payment.ChargeAttemptFailed: "REQUESTED",
    Payment.ChargeUnanswered: "OUTCOME_UNKNOWN",
    Payment.Completed: "COMPLETED",
    Payment.Declined: "DECLINED",
    Payment.RefundRequested: "REFUND_REQUESTED",
    Payment.RefundAttemptFailed: "REFUND_REQUESTED",
    Payment.RefundUnanswered: "REFUND_REQUESTED",
    Payment.Refunded: "REFUNDED",
    Payment.RefundedByHand: "REFUNDED",
    Payment.RefundFailed: "REFUND_FAILED",
}
