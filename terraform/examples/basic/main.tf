# A tenant's account with one enclave zone: what most tenants apply.

variable "tenant_name" { type = string }
variable "vendor_account" { type = string }
variable "external_id" { type = string }

variable "zone" {
  type    = string
  default = "dev.aws-us-east-1c"
}

variable "availability_zone_id" {
  type    = string
  default = "use1-az6"
}

provider "aws" {
  region = "us-east-1"
}

module "enclave" {
  source         = "../.."
  tenant_name    = var.tenant_name
  vendor_account = var.vendor_account
  external_id    = var.external_id
}

module "zone" {
  source               = "../../modules/zone"
  zone                 = var.zone
  availability_zone_id = var.availability_zone_id
  host_role_arn        = module.enclave.host_role_arn
  provisioner_role_arn = module.enclave.provisioner_role_arn
}

output "vpc_id" { value = module.zone.vpc_id }
output "archive_bucket" { value = module.zone.archive_bucket }
output "archive_key_arn" { value = module.zone.archive_key_arn }
output "ebs_key_arn" { value = module.zone.ebs_key_arn }
