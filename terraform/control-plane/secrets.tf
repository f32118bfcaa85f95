resource "aws_kms_key" "control_plane" {
  description             = "Volumes and secrets of the control plane of ${var.zone}"
  enable_key_rotation     = true
  deletion_window_in_days = 7
  tags                    = merge(local.tags, { Name = local.name })
}

resource "aws_kms_alias" "control_plane" {
  name          = "alias/vespa-control-plane-${local.dashed}"
  target_key_id = aws_kms_key.control_plane.key_id
}

# What the programs may not be given by user data: the authority's key. Uploaded by the operator, read by zts alone.
resource "aws_s3_bucket" "secrets" {
  bucket        = "vespa-secrets-${local.account}-${local.dashed}"
  force_destroy = true
  tags          = local.tags
}

resource "aws_s3_bucket_public_access_block" "secrets" {
  bucket                  = aws_s3_bucket.secrets.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "secrets" {
  bucket = aws_s3_bucket.secrets.id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.control_plane.arn
    }
  }
}

resource "aws_s3_bucket_policy" "secrets" {
  bucket     = aws_s3_bucket.secrets.id
  depends_on = [aws_s3_bucket_public_access_block.secrets]
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OnlyOverTLS"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [aws_s3_bucket.secrets.arn, "${aws_s3_bucket.secrets.arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "OnlyZtsReads"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:GetObject"
        Resource  = "${aws_s3_bucket.secrets.arn}/*"
        Condition = { StringNotEquals = { "aws:PrincipalArn" = aws_iam_role.service["zts"].arn } }
      },
    ]
  })
}
