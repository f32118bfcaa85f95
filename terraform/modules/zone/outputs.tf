output "vpc_id" {
  description = "The enclave's VPC."
  value       = aws_vpc.zone.id
}

output "archive_bucket" {
  description = "Where the hosts' logs go."
  value       = aws_s3_bucket.archive.bucket
}

output "archive_key_arn" {
  description = "The key that encrypts the archive."
  value       = aws_kms_key.archive.arn
}

output "ebs_key_arn" {
  description = "The key that encrypts the hosts' volumes."
  value       = aws_kms_key.ebs.arn
}
