# Another enclave by another hand, in the newer style: inline rules and routes, one resource per security group rule, default resources
# adopted, egress-only gateway, prefix lists, load balancer with endpoint service, instances with volumes and keys, boundaries and groups.
terraform {
  required_version = ">= 1.3"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.0"
    }
  }
}

provider "aws" { region = "us-east-1" }

variable "image" { type = string }
variable "public_key" { type = string }

data "aws_caller_identity" "current" {}
data "aws_availability_zones" "all" { state = "available" }
data "aws_ami" "host" {
  most_recent = true
  owners      = ["self", "amazon", "100000000001"]
  filter {
    name   = "image-id"
    values = [var.image]
  }
}
data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession"]
    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

locals {
  account = data.aws_caller_identity.current.account_id
  zones   = slice(data.aws_availability_zones.all.names, 0, 2)
}

# --- network --------------------------------------------------------------------------------------------------------

resource "aws_vpc" "this" {
  cidr_block                       = "10.80.0.0/16"
  assign_generated_ipv6_cidr_block = true
  enable_dns_hostnames             = true
  tags                             = { Name = "modern" }
}

resource "aws_vpc_ipv4_cidr_block_association" "more" {
  vpc_id     = aws_vpc.this.id
  cidr_block = "10.81.0.0/16"
}

resource "aws_vpc_dhcp_options" "this" {
  domain_name         = "ec2.internal"
  domain_name_servers = ["AmazonProvidedDNS"]
}

resource "aws_vpc_dhcp_options_association" "this" {
  vpc_id          = aws_vpc.this.id
  dhcp_options_id = aws_vpc_dhcp_options.this.id
}

resource "aws_default_security_group" "shut" { vpc_id = aws_vpc.this.id }

resource "aws_default_network_acl" "shut" {
  default_network_acl_id = aws_vpc.this.default_network_acl_id
  ingress {
    rule_no    = 100
    protocol   = "-1"
    action     = "allow"
    cidr_block = "0.0.0.0/0"
    from_port  = 0
    to_port    = 0
  }
  lifecycle { ignore_changes = [subnet_ids] }
}

resource "aws_default_route_table" "shut" {
  default_route_table_id = aws_vpc.this.default_route_table_id
  route                  = []
}

resource "aws_subnet" "host" {
  count                                          = 2
  vpc_id                                         = aws_vpc.this.id
  availability_zone                              = local.zones[count.index]
  cidr_block                                     = cidrsubnet(aws_vpc.this.cidr_block, 8, count.index)
  ipv6_cidr_block                                = cidrsubnet(aws_vpc.this.ipv6_cidr_block, 8, count.index)
  assign_ipv6_address_on_creation                = true
  enable_resource_name_dns_aaaa_record_on_launch = true
  private_dns_hostname_type_on_launch            = "ip-name"
}

resource "aws_subnet" "public" {
  vpc_id                  = aws_vpc.this.id
  availability_zone       = local.zones[0]
  cidr_block              = cidrsubnet(aws_vpc.this.cidr_block, 8, 9)
  map_public_ip_on_launch = true
}

resource "aws_subnet" "second_range" {
  vpc_id     = aws_vpc_ipv4_cidr_block_association.more.vpc_id
  cidr_block = "10.81.1.0/24"
}

resource "aws_internet_gateway" "this" { vpc_id = aws_vpc.this.id }
resource "aws_egress_only_internet_gateway" "this" { vpc_id = aws_vpc.this.id }

resource "aws_nat_gateway" "private" {
  connectivity_type = "private"
  subnet_id         = aws_subnet.host[0].id
}

resource "aws_route_table" "host" {
  vpc_id = aws_vpc.this.id
  route {
    ipv6_cidr_block        = "::/0"
    egress_only_gateway_id = aws_egress_only_internet_gateway.this.id
  }
  route {
    destination_prefix_list_id = aws_ec2_managed_prefix_list.offices.id
    nat_gateway_id             = aws_nat_gateway.private.id
  }
}

resource "aws_route_table_association" "host" {
  count          = 2
  subnet_id      = aws_subnet.host[count.index].id
  route_table_id = aws_route_table.host.id
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.this.id
  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.this.id
  }
}

resource "aws_route_table_association" "public" {
  subnet_id      = aws_subnet.public.id
  route_table_id = aws_route_table.public.id
}

resource "aws_ec2_managed_prefix_list" "offices" {
  name           = "offices"
  address_family = "IPv4"
  max_entries    = 5
  entry {
    cidr        = "198.51.100.0/24"
    description = "north"
  }
  entry {
    cidr = "203.0.113.0/25"
  }
}

resource "aws_network_acl" "host" {
  vpc_id     = aws_vpc.this.id
  subnet_ids = aws_subnet.host[*].id
  ingress {
    rule_no         = 90
    protocol        = "udp"
    action          = "allow"
    ipv6_cidr_block = "::/0"
    from_port       = 1024
    to_port         = 65535
  }
  ingress {
    rule_no    = 100
    protocol   = "tcp"
    action     = "allow"
    cidr_block = aws_vpc.this.cidr_block
    from_port  = 0
    to_port    = 65535
  }
  egress {
    rule_no    = 100
    protocol   = "icmp"
    action     = "deny"
    cidr_block = "0.0.0.0/0"
    from_port  = 0
    to_port    = 0
    icmp_type  = 8
    icmp_code  = -1
  }
}

resource "aws_security_group" "host" {
  name_prefix            = "host-"
  description            = "hosts"
  vpc_id                 = aws_vpc.this.id
  revoke_rules_on_delete = true
  lifecycle { create_before_destroy = true }
}

resource "aws_security_group" "inline" {
  name   = "inline"
  vpc_id = aws_vpc.this.id
  ingress {
    description     = "from hosts"
    protocol        = "tcp"
    from_port       = 80
    to_port         = 90
    security_groups = [aws_security_group.host.id]
    prefix_list_ids = [aws_ec2_managed_prefix_list.offices.id]
  }
  egress {
    protocol         = "-1"
    from_port        = 0
    to_port          = 0
    cidr_blocks      = ["0.0.0.0/0"]
    ipv6_cidr_blocks = ["::/0"]
  }
}

resource "aws_vpc_security_group_ingress_rule" "this" {
  for_each                     = { group = aws_security_group.inline.id, self = aws_security_group.host.id }
  security_group_id            = aws_security_group.host.id
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 19100
  to_port                      = 19110
  tags                         = { from = each.key }
}

resource "aws_vpc_security_group_ingress_rule" "lists" {
  security_group_id = aws_security_group.host.id
  prefix_list_id    = aws_ec2_managed_prefix_list.offices.id
  ip_protocol       = "icmp"
  from_port         = 8
  to_port           = 0
}

resource "aws_vpc_security_group_egress_rule" "all" {
  security_group_id = aws_security_group.host.id
  cidr_ipv6         = "::/0"
  ip_protocol       = "-1"
}

resource "aws_vpc_endpoint" "gateway" {
  vpc_id       = aws_vpc.this.id
  service_name = "com.amazonaws.us-east-1.s3"
}

resource "aws_vpc_endpoint_route_table_association" "gateway" {
  vpc_endpoint_id = aws_vpc_endpoint.gateway.id
  route_table_id  = aws_route_table.host.id
}

resource "aws_vpc_endpoint_policy" "gateway" {
  vpc_endpoint_id = aws_vpc_endpoint.gateway.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = "*", Action = ["s3:GetObject"], Resource = "*" }]
  })
}

# --- identities -----------------------------------------------------------------------------------------------------

resource "aws_iam_policy" "boundary" {
  name   = "boundary"
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = ["ec2:*", "s3:*"], Resource = "*" }] })
}

resource "aws_iam_role" "host" {
  name_prefix          = "host-"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = aws_iam_policy.boundary.arn
}

resource "aws_iam_role_policy" "host" {
  role   = aws_iam_role.host.name
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "s3:PutObject", Resource = "*" }] })
}

resource "aws_iam_instance_profile" "host" { role = aws_iam_role.host.name }

resource "aws_iam_group" "operators" {
  name = "operators"
  path = "/people/"
}

resource "aws_iam_user" "alice" {
  name = "alice"
  tags = { team = "search" }
}

resource "aws_iam_user_group_membership" "alice" {
  user   = aws_iam_user.alice.name
  groups = [aws_iam_group.operators.name]
}

resource "aws_iam_group_policy_attachment" "operators" {
  group      = aws_iam_group.operators.name
  policy_arn = aws_iam_policy.boundary.arn
}

resource "aws_iam_group_policy" "operators" {
  group  = aws_iam_group.operators.name
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "iam:GetUser", Resource = "*" }] })
}

resource "aws_iam_user_policy" "alice" {
  user   = aws_iam_user.alice.name
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Deny", Action = "iam:*", Resource = "*" }] })
}

resource "aws_iam_access_key" "alice" { user = aws_iam_user.alice.name }

# --- keys and storage -----------------------------------------------------------------------------------------------

resource "aws_kms_key" "disk" {
  deletion_window_in_days = 7
  enable_key_rotation     = true
  rotation_period_in_days = 180
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { AWS = "arn:aws:iam::${local.account}:root" }, Action = "kms:*", Resource = "*" }]
  })
}

resource "aws_kms_alias" "disk" {
  name_prefix   = "alias/disk-"
  target_key_id = aws_kms_key.disk.arn
}

resource "aws_kms_grant" "host" {
  name              = "host"
  key_id            = aws_kms_key.disk.key_id
  grantee_principal = aws_iam_role.host.arn
  operations        = ["Encrypt", "Decrypt", "GenerateDataKey"]
  constraints {
    encryption_context_equals = { department = "search" }
  }
}

data "aws_kms_key" "disk" { key_id = aws_kms_alias.disk.name }

resource "aws_s3_bucket" "files" {
  bucket_prefix = "modern-files-"
  force_destroy = true
}

resource "aws_s3_bucket_versioning" "files" {
  bucket = aws_s3_bucket.files.id
  versioning_configuration { status = "Enabled" }
}

resource "aws_s3_object" "hello" {
  bucket     = aws_s3_bucket.files.id
  key        = "conf/hello.txt"
  content    = "hello"
  kms_key_id = aws_kms_key.disk.arn
  tags       = { kind = "greeting" }
  depends_on = [aws_s3_bucket_versioning.files]
}

resource "aws_ebs_volume" "extra" {
  availability_zone = local.zones[0]
  size              = 1
  type              = "gp3"
  encrypted         = true
  kms_key_id        = aws_kms_key.disk.arn
}

# --- machines -------------------------------------------------------------------------------------------------------

resource "aws_key_pair" "admin" {
  key_name   = "admin"
  public_key = var.public_key
}

resource "aws_network_interface" "second" {
  subnet_id          = aws_subnet.host[0].id
  security_groups    = [aws_security_group.host.id]
  ipv6_address_count = 1
}

resource "aws_instance" "one" {
  ami                         = data.aws_ami.host.id
  instance_type               = "m7g.large"
  subnet_id                   = aws_subnet.host[0].id
  vpc_security_group_ids      = [aws_security_group.host.id]
  iam_instance_profile        = aws_iam_instance_profile.host.name
  key_name                    = aws_key_pair.admin.key_name
  ipv6_address_count          = 1
  associate_public_ip_address = false
  user_data                   = "#!/bin/sh\necho hello\n"
  metadata_options {
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
    instance_metadata_tags      = "enabled"
  }
  root_block_device {
    encrypted   = true
    kms_key_id  = aws_kms_key.disk.arn
    volume_size = 10
    volume_type = "gp3"
    throughput  = 150
    iops        = 3000
  }
  tags = { Name = "one" }
}

resource "aws_launch_template" "host" {
  name_prefix   = "host-"
  image_id      = data.aws_ami.host.id
  instance_type = "m7g.large"
  metadata_options { http_tokens = "required" }
  network_interfaces {
    subnet_id       = aws_subnet.host[0].id
    security_groups = [aws_security_group.host.id]
  }
  tag_specifications {
    resource_type = "instance"
    tags          = { Name = "from a template" }
  }
}

resource "aws_eip" "one" {
  domain   = "vpc"
  instance = aws_instance.in_public.id
}

resource "aws_instance" "in_public" {
  ami                    = data.aws_ami.host.id
  instance_type          = "m7g.large"
  subnet_id              = aws_subnet.public.id
  vpc_security_group_ids = [aws_security_group.inline.id]
  depends_on             = [aws_internet_gateway.this]
  lifecycle { ignore_changes = [associate_public_ip_address] } # an elastic address takes its place
}

resource "aws_volume_attachment" "extra" {
  device_name = "/dev/sdf"
  volume_id   = aws_ebs_volume.extra.id
  instance_id = aws_instance.one.id
}

resource "aws_network_interface_attachment" "second" {
  instance_id          = aws_instance.one.id
  network_interface_id = aws_network_interface.second.id
  device_index         = 1
}

# --- load balancer and private link ---------------------------------------------------------------------------------

resource "aws_lb" "this" {
  name                             = "modern"
  load_balancer_type               = "network"
  internal                         = true
  subnets                          = aws_subnet.host[*].id
  enable_cross_zone_load_balancing = true
}

resource "aws_lb_target_group" "this" {
  name                 = "modern"
  port                 = 4443
  protocol             = "TCP"
  vpc_id               = aws_vpc.this.id
  deregistration_delay = 5
  preserve_client_ip   = false
  proxy_protocol_v2    = true
  health_check {
    protocol            = "TCP"
    interval            = 10
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}

resource "aws_lb_target_group_attachment" "one" {
  target_group_arn = aws_lb_target_group.this.arn
  target_id        = aws_instance.one.id
  port             = 4443
}

resource "aws_lb_listener" "this" {
  load_balancer_arn = aws_lb.this.arn
  port              = 443
  protocol          = "TCP"
  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this.arn
  }
}

resource "aws_vpc_endpoint_service" "this" {
  acceptance_required        = true
  network_load_balancer_arns = [aws_lb.this.arn]
  allowed_principals         = ["arn:aws:iam::${local.account}:root"]
}

# --- session documents and parameters -------------------------------------------------------------------------------

resource "aws_ssm_parameter" "secret" {
  name   = "/modern/secret"
  type   = "SecureString"
  value  = "not for everyone"
  key_id = aws_kms_key.disk.key_id
}

resource "aws_ssm_document" "command" {
  name            = "modern-command"
  document_type   = "Command"
  document_format = "YAML"
  content         = <<-EOT
    schemaVersion: "2.2"
    description: say hello
    mainSteps:
      - action: aws:runShellScript
        name: hello
        inputs:
          runCommand: ["echo hello"]
  EOT
}

output "instance" { value = aws_instance.one.id }
