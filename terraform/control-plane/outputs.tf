output "config_nlb" {
  description = "DNS name of the Config NLB: config servers on 443, controller on 4443, zts on 8443."
  value       = aws_lb.config.dns_name
}

output "secrets_bucket" {
  description = "Upload the authority's key here as zts/ca.key.pem."
  value       = aws_s3_bucket.secrets.bucket
}

output "vpc_id" {
  description = "The control plane's VPC."
  value       = aws_vpc.control_plane.id
}
