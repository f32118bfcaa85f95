# Direct access for the vendor's operators, by the tenant's own decision: apply this module to grant it, remove it to
# end it. It ends by itself at `until`. Sessions go through SSM and stand in this account's CloudTrail.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
}

resource "aws_iam_role" "login" {
  name                 = "vespa-ssh-login"
  description          = "Operators of the vendor open sessions on Vespa hosts until ${var.until}: ${var.reason}"
  max_session_duration = 3600
  tags                 = { managedby = "vespa-cloud", until = var.until }
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { AWS = "arn:${local.partition}:iam::${var.vendor_account}:role/vespa-ssh-login" }
      Condition = {
        StringEquals = { "sts:ExternalId" = var.external_id }
        DateLessThan = { "aws:CurrentTime" = var.until }
      }
    }]
  })
}

resource "aws_iam_role_policy" "login" {
  name = "vespa-ssh-login"
  role = aws_iam_role.login.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "SessionsOnEnclaveHosts"
        Effect   = "Allow"
        Action   = ["ssm:StartSession", "ssm:SendCommand"]
        Resource = "arn:${local.partition}:ec2:*:${local.account}:instance/*"
        Condition = {
          StringEquals = { "aws:ResourceTag/managedby" = "vespa-cloud" }
          DateLessThan = { "aws:CurrentTime" = var.until }
        }
      },
      {
        Sid      = "OwnSessions"
        Effect   = "Allow"
        Action   = ["ssm:TerminateSession", "ssm:ResumeSession"]
        Resource = "arn:${local.partition}:ssm:*:${local.account}:session/*"
      },
    ]
  })
}
