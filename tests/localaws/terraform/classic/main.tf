# An enclave as somebody else would write it, in the older style: NAT gateway and elastic IP, seven VPC endpoints, rules as resources of
# their own, several buckets with policies, lifecycle, ownership and public access blocks, key policies apart from their keys, an SSM document.
terraform {
  required_version = ">= 1.3"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.0"
    }
  }
}

provider "aws" {
  region = "us-east-1"
  default_tags {
    tags = { owner = "platform" }
  }
}

variable "vendor_account" {
  type    = string
  default = "332934501266" # known to nobody here
}

data "aws_caller_identity" "current" {}
data "aws_region" "current" {}
data "aws_partition" "current" {}
data "aws_availability_zone" "this" { zone_id = "use1-az6" }
data "aws_iam_session_context" "current" { arn = data.aws_caller_identity.current.arn }

locals {
  account = data.aws_caller_identity.current.account_id
  zone    = "prod.aws-us-east-1c"
  tags    = { zone = local.zone, managedby = "somebody" }
}

# --- roles ----------------------------------------------------------------------------------------------------------

resource "aws_iam_role" "this" {
  for_each             = toset(["provisioner", "operator", "backup", "tenant.host.with-a-name-of-more-than-fifty-characters"])
  name                 = "other-${each.key}"
  description          = "role ${each.key}"
  path                 = "/enclave/"
  max_session_duration = 7200
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Action = "sts:AssumeRole", Effect = "Allow", Principal = { AWS = "arn:aws:iam::${var.vendor_account}:role/cfg" },
      Condition = { StringEquals = { "sts:ExternalId" = "x-1" } } },
      { Action = "sts:AssumeRole", Effect = "Allow", Principal = { Service = "ec2.amazonaws.com" } },
    ]
  })
  tags = merge(local.tags, { role = each.key })
}

data "aws_iam_policy_document" "work" {
  statement {
    sid       = "Launch"
    actions   = ["ec2:RunInstances", "ec2:CreateTags", "ec2:Describe*"]
    resources = ["*"]
    condition {
      test     = "StringEqualsIfExists"
      variable = "aws:RequestTag/managedby"
      values   = ["somebody"]
    }
  }
  statement {
    effect      = "Deny"
    not_actions = ["ec2:*", "elasticloadbalancing:*", "iam:PassRole"]
    resources   = ["*"]
    condition {
      test     = "DateGreaterThan"
      variable = "aws:CurrentTime"
      values   = ["2100-01-01T00:00:00Z"]
    }
  }
}

resource "aws_iam_policy" "work" {
  for_each    = toset(["provision", "hosts", "backup", "ssh", "coredump"])
  name        = "other-${each.key}"
  path        = "/enclave/"
  description = "policy ${each.key}"
  policy      = data.aws_iam_policy_document.work.json
  tags        = local.tags
}

resource "aws_iam_role_policy_attachment" "work" {
  for_each   = aws_iam_policy.work
  role       = aws_iam_role.this["provisioner"].name
  policy_arn = each.value.arn
}

resource "aws_iam_role_policy_attachment" "ssm" {
  role       = aws_iam_role.this["backup"].name
  policy_arn = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
}

resource "aws_iam_role_policy" "inline" {
  name   = "inline"
  role   = aws_iam_role.this["operator"].id
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = ["ssm:StartSession"], Resource = "*" }] })
}

resource "aws_iam_instance_profile" "host" {
  name = "other-host"
  path = "/enclave/"
  role = aws_iam_role.this["tenant.host.with-a-name-of-more-than-fifty-characters"].name
  tags = local.tags
}

# --- network --------------------------------------------------------------------------------------------------------

resource "aws_vpc" "this" {
  cidr_block                       = "10.64.0.0/16"
  assign_generated_ipv6_cidr_block = true
  enable_dns_support               = true
  enable_dns_hostnames             = true
  tags                             = merge(local.tags, { Name = local.zone, archive_bucket = aws_s3_bucket.this["archive"].id })
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id
  tags   = local.tags
}

resource "aws_subnet" "this" {
  for_each                        = { hosts = 0, balancers = 1, nat = 2 }
  vpc_id                          = aws_vpc.this.id
  availability_zone               = data.aws_availability_zone.this.name
  cidr_block                      = cidrsubnet(aws_vpc.this.cidr_block, 4, each.value)
  ipv6_cidr_block                 = cidrsubnet(aws_vpc.this.ipv6_cidr_block, 8, each.value)
  assign_ipv6_address_on_creation = true
  tags                            = merge(local.tags, { service = each.key })
}

resource "aws_eip" "nat" {
  domain = "vpc"
  tags   = local.tags
}

resource "aws_nat_gateway" "this" {
  allocation_id = aws_eip.nat.id
  subnet_id     = aws_subnet.this["nat"].id
  tags          = local.tags
  depends_on    = [aws_internet_gateway.this]
}

resource "aws_route_table" "this" {
  for_each = aws_subnet.this
  vpc_id   = aws_vpc.this.id
  tags     = merge(local.tags, { service = each.key })
}

resource "aws_route_table_association" "this" {
  for_each       = aws_subnet.this
  subnet_id      = each.value.id
  route_table_id = aws_route_table.this[each.key].id
}

resource "aws_route" "nat" {
  route_table_id         = aws_route_table.this["hosts"].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.this.id
}

resource "aws_route" "ipv6" {
  for_each                    = aws_route_table.this
  route_table_id              = each.value.id
  destination_ipv6_cidr_block = "::/0"
  gateway_id                  = aws_internet_gateway.this.id
}

resource "aws_route" "ipv4" {
  for_each               = toset(["balancers", "nat"])
  route_table_id         = aws_route_table.this[each.key].id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this.id
}

resource "aws_network_acl" "hosts" {
  vpc_id     = aws_vpc.this.id
  subnet_ids = [for subnet in aws_subnet.this : subnet.id]
  tags       = local.tags
}

resource "aws_network_acl_rule" "this" {
  for_each = {
    in_4 = { egress = false, number = 100, protocol = "6", action = "deny", cidr = "0.0.0.0/0", ports = [22, 22] }
    in_5 = { egress = false, number = 110, protocol = "-1", action = "allow", cidr = "0.0.0.0/0", ports = null }
    in_6 = { egress = false, number = 120, protocol = "17", action = "allow", cidr = "::/0", ports = [51820, 51820] }
    in_7 = { egress = false, number = 130, protocol = "58", action = "allow", cidr = "::/0", ports = null }
    in_8 = { egress = false, number = 140, protocol = "tcp", action = "allow", cidr = "::/0", ports = [1024, 65535] }
    ou_4 = { egress = true, number = 100, protocol = "-1", action = "allow", cidr = "0.0.0.0/0", ports = null }
    ou_6 = { egress = true, number = 110, protocol = "-1", action = "allow", cidr = "::/0", ports = null }
  }
  network_acl_id  = aws_network_acl.hosts.id
  egress          = each.value.egress
  rule_number     = each.value.number
  protocol        = each.value.protocol
  rule_action     = each.value.action
  cidr_block      = strcontains(each.value.cidr, ":") ? null : each.value.cidr
  ipv6_cidr_block = strcontains(each.value.cidr, ":") ? each.value.cidr : null
  from_port       = try(each.value.ports[0], null)
  to_port         = try(each.value.ports[1], null)
  icmp_type       = each.value.protocol == "58" ? -1 : null
  icmp_code       = each.value.protocol == "58" ? -1 : null
}

resource "aws_security_group" "hosts" {
  name        = "hosts-${local.zone}"
  description = "Hosts of ${local.zone}"
  vpc_id      = aws_vpc.this.id
  tags        = local.tags
}

resource "aws_security_group_rule" "in" {
  description       = "from the VPC"
  type              = "ingress"
  security_group_id = aws_security_group.hosts.id
  protocol          = "tcp"
  from_port         = 443
  to_port           = 4443
  cidr_blocks       = [aws_vpc.this.cidr_block, "192.0.2.0/24"]
  ipv6_cidr_blocks  = [aws_vpc.this.ipv6_cidr_block]
}

resource "aws_security_group_rule" "self" {
  type              = "ingress"
  security_group_id = aws_security_group.hosts.id
  protocol          = "-1"
  from_port         = 0
  to_port           = 0
  self              = true
}

resource "aws_security_group_rule" "out" {
  type              = "egress"
  security_group_id = aws_security_group.hosts.id
  protocol          = "-1"
  from_port         = 0
  to_port           = 0
  cidr_blocks       = ["0.0.0.0/0"]
  ipv6_cidr_blocks  = ["::/0"]
}

resource "aws_security_group_rule" "s3" {
  type              = "egress"
  security_group_id = aws_security_group.hosts.id
  protocol          = "tcp"
  from_port         = 443
  to_port           = 443
  prefix_list_ids   = [aws_vpc_endpoint.s3.prefix_list_id]
}

resource "aws_vpc_endpoint" "s3" {
  vpc_id          = aws_vpc.this.id
  service_name    = "com.amazonaws.${data.aws_region.current.name}.s3"
  route_table_ids = [aws_route_table.this["hosts"].id]
  tags            = local.tags
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = "*", Action = "s3:*", Resource = "*" }]
  })
}

resource "aws_vpc_endpoint" "service" {
  for_each            = toset(["ecr.api", "ecr.dkr", "ssm", "ssmmessages", "ec2messages", "sts"])
  vpc_id              = aws_vpc.this.id
  service_name        = "com.amazonaws.${data.aws_region.current.name}.${each.key}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  security_group_ids  = [aws_security_group.hosts.id]
  subnet_ids          = [aws_subnet.this["hosts"].id]
  tags                = local.tags
}

# --- keys and buckets -----------------------------------------------------------------------------------------------

resource "aws_kms_key" "this" {
  for_each                = { ebs = 7, archive = 7, backup = null }
  description             = "key ${each.key}"
  deletion_window_in_days = each.value
  enable_key_rotation     = true
  tags                    = merge(local.tags, { Name = each.key })
}

resource "aws_kms_alias" "this" {
  for_each      = aws_kms_key.this
  name          = "alias/other-${each.key}"
  target_key_id = each.value.key_id
}

resource "aws_kms_key_policy" "this" {
  for_each = { archive = "provisioner", backup = "backup" }
  key_id   = aws_kms_key.this[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Id      = "key-${each.key}"
    Statement = [
      { Sid = "Root", Effect = "Allow", Principal = { AWS = "arn:aws:iam::${local.account}:root" }, Action = "kms:*", Resource = "*" },
      { Sid    = "Use", Effect = "Allow", Principal = { AWS = aws_iam_role.this[each.value].arn },
        Action = ["kms:GenerateDataKey*", "kms:Decrypt"], Resource = "*",
      Condition = { StringEquals = { "kms:ViaService" = "s3.us-east-1.amazonaws.com" } } },
      { Sid = "Grants", Effect = "Allow", Principal = { AWS = aws_iam_role.this[each.value].arn }, Action = "kms:CreateGrant",
      Resource = "*", Condition = { Bool = { "kms:GrantIsForAWSResource" = true } } },
    ]
  })
}

resource "aws_s3_bucket" "this" {
  for_each      = { archive = true, backup = false, coredump = false }
  bucket        = "other-${each.key}-${local.account}-abc123"
  force_destroy = each.value
  tags          = merge(local.tags, { Name = each.key })
}

resource "aws_s3_bucket_versioning" "this" {
  for_each = { archive = "Disabled", backup = "Enabled" }
  bucket   = aws_s3_bucket.this[each.key].id
  versioning_configuration { status = each.value }
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = { archive = "BucketOwnerEnforced", backup = "BucketOwnerPreferred" }
  bucket   = aws_s3_bucket.this[each.key].id
  rule { object_ownership = each.value }
}

resource "aws_s3_bucket_acl" "backup" {
  bucket     = aws_s3_bucket.this["backup"].id
  acl        = "private"
  depends_on = [aws_s3_bucket_ownership_controls.this]
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each                = aws_s3_bucket.this
  bucket                  = each.value.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = { archive = "archive", backup = "backup", coredump = null }
  bucket   = aws_s3_bucket.this[each.key].id
  rule {
    bucket_key_enabled = each.value != null
    apply_server_side_encryption_by_default {
      sse_algorithm     = each.value == null ? "AES256" : "aws:kms"
      kms_master_key_id = each.value == null ? null : aws_kms_key.this[each.value].arn
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  for_each   = aws_s3_bucket.this
  bucket     = each.value.id
  depends_on = [aws_s3_bucket_versioning.this]
  rule {
    id     = "expire"
    status = "Enabled"
    filter { prefix = "" }
    expiration { days = 31 }
    noncurrent_version_expiration { noncurrent_days = 7 }
    abort_incomplete_multipart_upload { days_after_initiation = 3 }
  }
  rule {
    id     = "cold"
    status = "Disabled"
    filter {
      and {
        prefix = "old/"
        tags   = { kind = "cold" }
      }
    }
    transition {
      days          = 30
      storage_class = "GLACIER"
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  for_each = aws_s3_bucket.this
  bucket   = each.value.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "TLS", Effect = "Deny", Principal = "*", Action = "s3:*", Resource = [each.value.arn, "${each.value.arn}/*"],
      Condition = { Bool = { "aws:SecureTransport" = "false" } } },
      { Sid = "Write", Effect = "Allow", Principal = { AWS = aws_iam_role.this["backup"].arn }, Action = ["s3:PutObject"],
      Resource = "${each.value.arn}/*", Condition = { StringEquals = { "s3:x-amz-server-side-encryption" = "aws:kms" } } },
    ]
  })
  depends_on = [aws_s3_bucket_public_access_block.this]
}

# --- operations -----------------------------------------------------------------------------------------------------

resource "aws_ssm_document" "session" {
  name            = "other-session"
  document_type   = "Session"
  document_format = "JSON"
  tags            = local.tags
  content = jsonencode({
    schemaVersion = "1.0", description = "sessions", sessionType = "Standard_Stream",
    inputs        = { s3BucketName = "", s3EncryptionEnabled = true, idleSessionTimeout = "20" }
  })
}

output "session_issuer" { value = data.aws_iam_session_context.current.issuer_arn }
