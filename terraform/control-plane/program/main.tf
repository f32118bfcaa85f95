# One machine of the control plane: a program's AMI with its role, its fixed address, an encrypted volume and no way to the
# metadata service but IMDSv2 from the machine itself.

data "aws_ami" "program" {
  owners      = ["self"]
  most_recent = true
  filter {
    name   = "name"
    values = [var.image]
  }
}

resource "aws_instance" "program" {
  ami                    = data.aws_ami.program.id
  instance_type          = var.instance_type
  subnet_id              = var.subnet_id
  vpc_security_group_ids = [var.security_group_id]
  iam_instance_profile   = var.instance_profile
  ipv6_addresses         = [var.address]
  user_data_base64       = base64encode(jsonencode(var.configuration))
  metadata_options {
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }
  root_block_device {
    encrypted   = true
    kms_key_id  = var.kms_key_arn
    volume_size = 8
  }
  tags = merge(var.tags, { Name = var.name })
}
