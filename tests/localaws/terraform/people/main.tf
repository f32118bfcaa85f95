# People and their rights, as accounts have them: users in groups, boundaries, a role, an alias; and the
# question whether what was meant holds, asked of IAM itself.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

provider "aws" {
  default_tags {
    tags = { owner = "people" }
  }
}

data "aws_caller_identity" "me" {}

resource "aws_iam_account_alias" "this" {
  account_alias = "people-of-acme"
}

data "aws_iam_policy_document" "developers_at_most" {
  statement {
    actions   = ["s3:*", "ec2:*"]
    resources = ["*"]
  }
  statement {
    effect    = "Deny"
    actions   = ["s3:DeleteBucket"]
    resources = ["*"]
  }
}

resource "aws_iam_policy" "boundary" {
  name        = "developers-at-most"
  path        = "/people/"
  description = "The most a developer may do"
  policy      = data.aws_iam_policy_document.developers_at_most.json
}

resource "aws_iam_group" "developers" {
  name = "developers"
  path = "/people/"
}

resource "aws_iam_group_policy" "own_home" {
  name  = "own-home"
  group = aws_iam_group.developers.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "OwnHome"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:PutObject"]
      Resource = "arn:aws:s3:::homes/$${aws:username}/*"
    }]
  })
}

resource "aws_iam_policy" "look" {
  name   = "look"
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "ec2:Describe*", Resource = "*" }] })
}

resource "aws_iam_group_policy_attachment" "look" {
  group      = aws_iam_group.developers.name
  policy_arn = aws_iam_policy.look.arn
}

resource "aws_iam_user" "developer" {
  for_each             = toset(["ada", "grace"])
  name                 = each.key
  path                 = "/people/"
  permissions_boundary = aws_iam_policy.boundary.arn
  force_destroy        = true
  tags                 = { team = "blue" }
}

resource "aws_iam_user_group_membership" "ada" {
  user   = aws_iam_user.developer["ada"].name
  groups = [aws_iam_group.developers.name]
}

resource "aws_iam_user_policy" "ada" {
  name   = "tickets"
  user   = aws_iam_user.developer["ada"].name
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sqs:*", Resource = "*" }] })
}

resource "aws_iam_access_key" "ada" {
  user   = aws_iam_user.developer["ada"].name
  status = "Inactive"
}

resource "aws_iam_role" "operator" {
  name                 = "operator"
  max_session_duration = 7200
  permissions_boundary = aws_iam_policy.boundary.arn
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Principal = { AWS = data.aws_caller_identity.me.account_id }
      Condition = { Bool = { "aws:SecureTransport" = "true" } }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "operator" {
  role       = aws_iam_role.operator.name
  policy_arn = aws_iam_policy.look.arn
}

# What was meant, asked of IAM.
data "aws_iam_principal_policy_simulation" "ada" {
  policy_source_arn = aws_iam_user.developer["ada"].arn
  action_names      = ["s3:GetObject"]
  resource_arns     = ["arn:aws:s3:::homes/ada/notes"]
  context {
    key    = "aws:username"
    type   = "string"
    values = ["ada"]
  }
  depends_on = [aws_iam_user_group_membership.ada, aws_iam_group_policy.own_home]
}

data "aws_iam_principal_policy_simulation" "beyond" {
  policy_source_arn = aws_iam_user.developer["ada"].arn
  action_names      = ["sqs:SendMessage"]
  depends_on        = [aws_iam_user_policy.ada]
}

output "ada_reads_her_home" {
  value = data.aws_iam_principal_policy_simulation.ada.all_allowed
}

output "ada_goes_beyond_her_boundary" {
  value = data.aws_iam_principal_policy_simulation.beyond.all_allowed
}
