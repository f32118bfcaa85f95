# The vendor's side of one zone: a VPC with zts, controller and one or three config servers, the Config NLB in front of them, the
# roles they run with and the bucket that holds their secrets.

provider "aws" {
  region = var.region
}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_availability_zone" "zone" { zone_id = var.availability_zone_id }

locals {
  account     = data.aws_caller_identity.current.account_id
  partition   = data.aws_partition.current.partition
  environment = split(".", var.zone)[0]
  zone_region = split(".", var.zone)[1]
  underscored = "${local.environment}_${local.zone_region}"
  name        = "vespa-control-plane-${var.zone}"
  dashed      = replace(var.zone, ".", "-")
  short       = substr(sha256(var.zone), 0, 8) # load balancers' names hold 32 characters
  tags        = { managedby = "vespa-cloud", zone = var.zone }

  zts_service          = "vespa.zts"
  controller_service   = "vespa.controller"
  configserver_service = "vespa.configserver_${local.underscored}"
  provider_service     = "vespa.provider_${local.underscored}"

  # Addresses are fixed, so that each program's configuration can name the others'.
  zts_address        = cidrhost(aws_subnet.public.ipv6_cidr_block, 16)
  controller_address = cidrhost(aws_subnet.public.ipv6_cidr_block, 17)
  configservers      = [for index in range(1, var.configservers + 1) : { index = index, address = cidrhost(aws_subnet.public.ipv6_cidr_block, 32 + index) }]
}

module "zts" {
  source            = "./program"
  name              = "zts.${var.zone}"
  image             = var.images.zts
  instance_type     = var.instance_type
  subnet_id         = aws_subnet.public.id
  security_group_id = aws_security_group.control_plane.id
  instance_profile  = aws_iam_instance_profile.service["zts"].name
  address           = local.zts_address
  kms_key_arn       = aws_kms_key.control_plane.arn
  tags              = local.tags
  configuration = {
    awsRegion      = var.region
    vendorAccount  = local.account
    caCertificates = var.ca_certificate
    caKeyBucket    = aws_s3_bucket.secrets.bucket
    caKeyObject    = "zts/ca.key.pem"
    services = [
      { role = local.controller_service, names = [local.controller_service] },
      { role = local.configserver_service, names = [local.configserver_service, local.provider_service] },
    ]
    providers = [
      { name = local.provider_service, endpoints = [for server in local.configservers : "https://[${server.address}]:4444/athenz/v1/provider"] },
    ]
  }
}

module "controller" {
  source            = "./program"
  name              = "controller.${var.zone}"
  image             = var.images.controller
  instance_type     = var.instance_type
  subnet_id         = aws_subnet.public.id
  security_group_id = aws_security_group.control_plane.id
  instance_profile  = aws_iam_instance_profile.service["controller"].name
  address           = local.controller_address
  kms_key_arn       = aws_kms_key.control_plane.arn
  tags              = local.tags
  configuration = {
    awsRegion          = var.region
    ztsUrl             = "https://[${local.zts_address}]:4443/zts/v1"
    caCertificates     = var.ca_certificate
    provisionerRoleArn = aws_iam_role.provisioner.arn
    zones = [{
      id            = var.zone
      identity      = local.configserver_service
      configservers = [for server in local.configservers : "https://[${server.address}]:4443"]
    }]
  }
}

moved {
  from = module.configserver
  to   = module.configserver["1"]
}

# One keeps its records in a file of its own; three keep them together and one of them leads.
module "configserver" {
  for_each          = { for server in local.configservers : tostring(server.index) => server }
  source            = "./program"
  name              = "cfg${each.key}.${var.zone}"
  image             = var.images.configserver
  instance_type     = var.instance_type
  subnet_id         = aws_subnet.public.id
  security_group_id = aws_security_group.control_plane.id
  instance_profile  = aws_iam_instance_profile.service["configserver"].name
  address           = each.value.address
  kms_key_arn       = aws_kms_key.control_plane.arn
  tags              = local.tags
  configuration = {
    awsRegion                   = var.region
    vendorAccount               = local.account
    zone                        = var.zone
    index                       = each.value.index
    address                     = each.value.address
    servers                     = local.configservers
    ztsUrl                      = "https://[${local.zts_address}]:4443/zts/v1"
    publicZtsUrl                = "https://${aws_lb.config.dns_name}:8443/zts/v1"
    bootstrapUrl                = "https://${aws_lb.config.dns_name}:443"
    caCertificates              = var.ca_certificate
    provisionerRoleArn          = aws_iam_role.provisioner.arn
    hostImage                   = var.images.host
    nodeImage                   = var.node_image
    limits                      = var.limits
    identityDocumentCertificate = var.identity_document_certificate
  }
}
