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

variable "tenant_name" {
  description = "The tenant's name at the vendor, as in the account's own module: it is in the name of the hosts' role."
  type        = string
}

variable "minutes" {
  description = "How long an operator's key is good for once it was put on a host; new connections after that need a new one."
  type        = number
  default     = 15
  validation {
    condition     = var.minutes >= 1 && var.minutes <= 60 && floor(var.minutes) == var.minutes
    error_message = "Between 1 and 60 minutes."
  }
}

variable "port" {
  description = "The port on the hosts' loopback where the sshd for operators listens."
  type        = number
  default     = 2222
}
