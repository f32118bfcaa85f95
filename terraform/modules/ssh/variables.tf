variable "vendor_account" {
  description = "The vendor's AWS account, whose operators get the access."
  type        = string
}

variable "external_id" {
  description = "The external id the vendor gave this tenant."
  type        = string
}

variable "until" {
  description = "When the access ends, RFC 3339 UTC, at most 24 hours from now, e.g. 2026-01-02T15:00:00Z."
  type        = string
  validation {
    condition     = can(regex("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$", var.until))
    error_message = "A time like 2026-01-02T15:00:00Z."
  }
  validation {
    condition     = timecmp(var.until, timeadd(plantimestamp(), "24h")) <= 0
    error_message = "Direct access is granted for 24 hours at most."
  }
}

variable "reason" {
  description = "Why, for the audit trail: a ticket or a sentence."
  type        = string
  validation {
    condition     = length(var.reason) >= 8
    error_message = "Say why in at least eight characters."
  }
}
