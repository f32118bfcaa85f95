output "tenant_name" {
  description = "The tenant these roles are for."
  value       = var.tenant_name
}

output "provisioner_role_arn" {
  description = "The role the vendor's config servers assume."
  value       = aws_iam_role.provisioner.arn
}

output "host_role_arn" {
  description = "The role of the hosts; the zones' archive keys name it."
  value       = aws_iam_role.host.arn
}
