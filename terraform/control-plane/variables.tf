variable "zone" {
  description = "The zone, e.g. dev.aws-us-east-1c."
  type        = string
}

variable "region" {
  description = "The AWS region the control plane runs in."
  type        = string
  default     = "us-east-1"
}

variable "availability_zone_id" {
  description = "The availability zone's id, e.g. use1-az6."
  type        = string
}

variable "ca_certificate" {
  description = "PEM of the authority that zts signs with. Its key is never given to Terraform: upload it to the secrets bucket."
  type        = string
}

variable "identity_document_certificate" {
  description = "PEM of AWS's certificate that verifies instance identity documents (RSA-2048) in this region."
  type        = string
}

variable "images" {
  description = "Names of the AMIs: zts, controller, configserver, host."
  type        = object({ zts = string, controller = string, configserver = string, host = string })
  default     = { zts = "enclave-zts", controller = "enclave-controller", configserver = "enclave-configserver", host = "enclave-host" }
}

variable "node_image" {
  description = "Container image of nodes whose services.xml names none."
  type        = string
}

variable "limits" {
  description = "How long the config servers wait and how much may go wrong at once, where not the defaults: see enclave-configserver --limits."
  type        = map(number)
  default     = {}
}

variable "instance_type" {
  description = "Type of the control plane's instances."
  type        = string
  default     = "m7g.large"
}

variable "configservers" {
  description = "How many config servers the zone has: 1, or 3 of which one may be lost."
  type        = number
  default     = 1
  validation {
    condition     = contains([1, 3], var.configservers)
    error_message = "A zone has 1 or 3 config servers: of 2 neither may be lost."
  }
}

variable "vpc_cidr" {
  description = "Private IPv4 of the VPC, a /16."
  type        = string
  default     = "10.0.0.0/16"
}

variable "operators" {
  description = "Who may become vespa-ssh-login, by ARN; an account's id leaves it to that account's own policies. None: this account's."
  type        = list(string)
  default     = []
}
