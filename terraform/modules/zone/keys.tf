resource "aws_kms_key" "ebs" {
  description             = "Volumes of Vespa hosts in ${var.zone}"
  enable_key_rotation     = true
  deletion_window_in_days = 7
  tags                    = merge(local.tags, { Name = "vespa-ebs-key-${local.dashed}" })
}

resource "aws_kms_alias" "ebs" {
  name          = "alias/vespa-ebs-key-${local.dashed}"
  target_key_id = aws_kms_key.ebs.key_id
}

resource "aws_kms_key" "archive" {
  description             = "Log archive of ${var.zone}"
  enable_key_rotation     = true
  deletion_window_in_days = 7
  tags                    = merge(local.tags, { Name = "vespa-archive-key-${local.dashed}" })
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid       = "TheAccountsOwnIAM"
        Effect    = "Allow"
        Principal = { AWS = "arn:${local.partition}:iam::${local.account}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Sid       = "NobodyOutsideTheAccount"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = "kms:*"
        Resource  = "*"
        Condition = { StringNotEquals = { "aws:PrincipalAccount" = local.account } }
      },
      {
        Sid       = "TheVendorsProvisionerNeverDecrypts"
        Effect    = "Deny"
        Principal = { AWS = var.provisioner_role_arn }
        Action    = "kms:*"
        Resource  = "*"
      },
      ], length(var.archive_readers) == 0 ? [] : [
      {
        Sid       = "Readers"
        Effect    = "Allow"
        Principal = { AWS = var.archive_readers }
        Action    = ["kms:Decrypt", "kms:DescribeKey"]
        Resource  = "*"
      },
    ])
  })
}

resource "aws_kms_alias" "archive" {
  name          = "alias/vespa-archive-key-${local.dashed}"
  target_key_id = aws_kms_key.archive.key_id
}
