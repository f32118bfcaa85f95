# A role per program, named as its Athenz identity: zts knows a program by the role that signed its proof.
locals {
  roles = {
    zts          = local.zts_service
    controller   = local.controller_service
    configserver = local.configserver_service
  }
}

resource "aws_iam_role" "service" {
  for_each = local.roles
  name     = each.value
  tags     = local.tags
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ec2.amazonaws.com" }
    }]
  })
}

resource "aws_iam_instance_profile" "service" {
  for_each = local.roles
  name     = each.value
  role     = aws_iam_role.service[each.key].name
}

# The one role that tenants' accounts trust (with the tenant's external id). Only config servers and the controller
# may become it.
resource "aws_iam_role" "provisioner" {
  name = "vespa-cloud-provisioner"
  tags = local.tags
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { AWS = [aws_iam_role.service["configserver"].arn, aws_iam_role.service["controller"].arn] }
    }]
  })
}

resource "aws_iam_role_policy" "provisioner" {
  name = "assume-tenants-provisioners"
  role = aws_iam_role.provisioner.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = "sts:AssumeRole"
      Resource = "arn:${local.partition}:iam::*:role/vespa-cloud-provisioner"
    }]
  })
}

resource "aws_iam_role_policy" "become_provisioner" {
  for_each = toset(["controller", "configserver"])
  name     = "become-provisioner"
  role     = aws_iam_role.service[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = "sts:AssumeRole"
      Resource = aws_iam_role.provisioner.arn
    }]
  })
}

resource "aws_iam_role_policy" "zts" {
  name = "read-ca-key"
  role = aws_iam_role.service["zts"].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = "${aws_s3_bucket.secrets.arn}/zts/*"
      },
      {
        Effect   = "Allow"
        Action   = "kms:Decrypt"
        Resource = aws_kms_key.control_plane.arn
      },
    ]
  })
}

# What operators become to visit a host of a tenant that grants it (the tenant's modules/ssh trusts this role by name).
resource "aws_iam_role" "operators" {
  name                 = "vespa-ssh-login"
  description          = "Operators, on their way to a tenant's hosts; only that tenant can let them in"
  max_session_duration = 3600
  tags                 = local.tags
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { AWS = length(var.operators) > 0 ? var.operators : ["arn:${local.partition}:iam::${local.account}:root"] }
    }]
  })
}

resource "aws_iam_role_policy" "operators" {
  name = "assume-tenants-ssh-login"
  role = aws_iam_role.operators.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = "sts:AssumeRole"
      Resource = "arn:${local.partition}:iam::*:role/vespa-ssh-login"
    }]
  })
}
