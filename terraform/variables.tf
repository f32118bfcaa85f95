variable "tenant_name" {
  description = "The tenant's name at the vendor."
  type        = string
  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,12}[a-z0-9])?$", var.tenant_name)) && !strcontains(var.tenant_name, "--")
    error_message = "A tenant name is 1-14 of a-z, 0-9 and -, a letter first, no double or trailing dash."
  }
}

variable "vendor_account" {
  description = "The vendor's AWS account: the only one whose provisioner may assume the role made here."
  type        = string
  validation {
    condition     = can(regex("^[0-9]{12}$", var.vendor_account))
    error_message = "An AWS account is 12 digits."
  }
}

variable "external_id" {
  description = "The external id the vendor gave this tenant (enclave tenant show): the vendor must present it with each use of the role."
  type        = string
  validation {
    condition     = can(regex("^[A-Za-z0-9-]{22,64}$", var.external_id))
    error_message = "The external id is 22 to 64 letters, digits and dashes; see `enclave tenant show`."
  }
}
