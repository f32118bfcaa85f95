variable "name" {
  description = "The machine's name, first label of its host name."
  type        = string
}

variable "image" {
  description = "Name of the AMI, of this account."
  type        = string
}

variable "instance_type" { type = string }
variable "subnet_id" { type = string }
variable "security_group_id" { type = string }

variable "instance_profile" {
  description = "The program's role, by which zts knows it."
  type        = string
}

variable "address" {
  description = "Its IPv6 address, fixed so that the others' configuration can name it."
  type        = string
}

variable "kms_key_arn" {
  description = "Encrypts its volume."
  type        = string
}

variable "configuration" {
  description = "What the program reads as user data. No secrets: whoever may describe the instance can read it."
  type        = any
}

variable "tags" {
  type = map(string)
}
