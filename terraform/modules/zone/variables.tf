variable "zone" {
  description = "The zone this enclave is for, e.g. dev.aws-us-east-1c."
  type        = string
  validation {
    condition     = can(regex("^(dev|test|staging|prod|perf)\\.aws-[a-z]{2}(-[a-z]+)+-[0-9][a-z]$", var.zone))
    error_message = "A zone is <environment>.<region>, e.g. dev.aws-us-east-1c."
  }
}

variable "availability_zone_id" {
  description = "The availability zone's id, the same place in every account, e.g. use1-az6."
  type        = string
}

variable "more_availability_zone_ids" {
  description = "Ids of further availability zones of the same region for hosts and load balancers; nodes are spread over all of them, and hosts are launched where there is capacity. Append to the list, and remove from its end only."
  type        = list(string)
  default     = []
  validation {
    condition     = length(var.more_availability_zone_ids) <= 5 && length(distinct(var.more_availability_zone_ids)) == length(var.more_availability_zone_ids)
    error_message = "At most five further zones, each once."
  }
}

variable "host_role_arn" {
  description = "The hosts' role, an output of the root module."
  type        = string
}

variable "provisioner_role_arn" {
  description = "The vendor's role in this account, an output of the root module; the archive key denies it everything."
  type        = string
}

variable "vpc_cidr" {
  description = "Private IPv4 of the VPC, a /16."
  type        = string
  default     = "10.128.0.0/16"
}

variable "archive_days" {
  description = "How long the log archive keeps an object."
  type        = number
  default     = 31
}

variable "archive_readers" {
  description = "ARNs of this account's roles or users that may read the log archive, beside what the account's own IAM policies allow."
  type        = list(string)
  default     = []
}
