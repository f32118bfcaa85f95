# One enclave: the VPC of one zone, shut but for IPv6 going out; the keys that encrypt its volumes and its log archive;
# the archive. Config servers find these by their tags and put hosts and load balancers into them; nothing else does.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_availability_zone" "zone" { zone_id = var.availability_zone_id }
data "aws_availability_zone" "more" {
  for_each = local.more_zones
  zone_id  = each.key
}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  name      = "vespa-${var.zone}"
  dashed    = replace(var.zone, ".", "-")
  tags      = { managedby = "vespa-cloud", zone = var.zone }
  # Which address blocks are a zone's depends on its place in the list: append to it, and remove from its end.
  more_zones = { for place, id in var.more_availability_zone_ids : id => place }
  # Bucket names are global: what follows makes this account's and zone's unlikely to be taken, and the same each time.
  suffix = substr(sha256("${local.account}/${var.zone}/${var.host_role_arn}"), 0, 6)
  bucket = "vespa-archive-${local.account}-${var.zone}-${local.suffix}"
}
