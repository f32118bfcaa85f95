# What an enclave needs once per AWS account: the role by which the vendor's config servers provision hosts and load
# balancers, and the role that the hosts themselves run with. One `modules/zone` per zone comes beside it.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  account    = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition
  host_role  = "vespa.tenant.${var.tenant_name}.aws-${local.account}.tenant-host-service"
  managed_by = "vespa-cloud"
  version    = "0.1.0"
  tags       = { managedby = local.managed_by }
}

# --- the vendor's provisioner ---------------------------------------------------------------------------------------

resource "aws_iam_role" "provisioner" {
  name        = "vespa-cloud-provisioner"
  description = "Config servers of the vendor create and remove hosts and load balancers of enclave zones with this role"
  tags        = merge(local.tags, { tenant = var.tenant_name, vespa_template_version = local.version })
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { AWS = "arn:${local.partition}:iam::${var.vendor_account}:role/vespa-cloud-provisioner" }
      Condition = { StringEquals = { "sts:ExternalId" = var.external_id } }
    }]
  })
}

resource "aws_iam_policy" "provisioner" {
  name        = "vespa-cloud-provisioner"
  description = "What the vendor may do: hosts, volumes and load balancers of enclave zones; nothing with data, nothing with IAM"
  tags        = local.tags
  policy      = data.aws_iam_policy_document.provisioner.json
}

resource "aws_iam_role_policy_attachment" "provisioner" {
  role       = aws_iam_role.provisioner.name
  policy_arn = aws_iam_policy.provisioner.arn
}

data "aws_iam_policy_document" "provisioner" {
  statement {
    sid = "Look"
    actions = [
      "ec2:DescribeImages", "ec2:DescribeInstances", "ec2:DescribeInstanceStatus", "ec2:DescribeSecurityGroups",
      "ec2:DescribeSubnets", "ec2:DescribeVolumes", "ec2:DescribeVpcEndpointConnections",
      "ec2:DescribeVpcEndpointServiceConfigurations", "ec2:DescribeVpcEndpointServicePermissions", "ec2:DescribeVpcs",
      "elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeLoadBalancers",
      "elasticloadbalancing:DescribeTags", "elasticloadbalancing:DescribeTargetGroups",
      "elasticloadbalancing:DescribeTargetHealth",
    ]
    resources = ["*"]
  }

  statement {
    sid     = "LaunchFromAnyImage"
    actions = ["ec2:RunInstances"]
    resources = [
      "arn:${local.partition}:ec2:*::image/*",
      "arn:${local.partition}:ec2:*::snapshot/*",
    ]
  }

  statement {
    sid     = "LaunchOnlyInEnclaveNetworks"
    actions = ["ec2:RunInstances"]
    resources = [
      "arn:${local.partition}:ec2:*:${local.account}:subnet/*",
      "arn:${local.partition}:ec2:*:${local.account}:security-group/*",
    ]
    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/managedby"
      values   = [local.managed_by]
    }
  }

  statement {
    sid       = "LaunchOnlyTaggedForAnEnclave"
    actions   = ["ec2:RunInstances"]
    resources = ["arn:${local.partition}:ec2:*:${local.account}:network-interface/*"]
    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/managedby"
      values   = [local.managed_by]
    }
    condition {
      test     = "BoolIfExists"
      variable = "ec2:AssociatePublicIpAddress"
      values   = ["false"]
    }
  }

  # Credentials of a host's role are not for whoever makes a program on it fetch an address: IMDSv2, one hop.
  statement {
    sid       = "LaunchOnlyWithMetadataShut"
    actions   = ["ec2:RunInstances"]
    resources = ["arn:${local.partition}:ec2:*:${local.account}:instance/*"]
    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/managedby"
      values   = [local.managed_by]
    }
    condition {
      test     = "StringEquals"
      variable = "ec2:MetadataHttpTokens"
      values   = ["required"]
    }
    condition {
      test     = "NumericLessThanEquals"
      variable = "ec2:MetadataHttpPutResponseHopLimit"
      values   = ["1"]
    }
  }

  statement {
    sid       = "OnlyEncryptedVolumes"
    actions   = ["ec2:RunInstances"]
    resources = ["arn:${local.partition}:ec2:*:${local.account}:volume/*"]
    condition {
      test     = "Bool"
      variable = "ec2:Encrypted"
      values   = ["true"]
    }
  }

  statement {
    sid       = "TagWhatIsLaunched"
    actions   = ["ec2:CreateTags"]
    resources = ["arn:${local.partition}:ec2:*:${local.account}:*/*"]
    condition {
      test     = "StringEquals"
      variable = "ec2:CreateAction"
      values   = ["RunInstances", "CreateVpcEndpointServiceConfiguration"]
    }
  }

  # Hosts that were launched together get their names afterwards; no other tag, and nothing that is not an enclave's.
  statement {
    sid       = "NameHosts"
    actions   = ["ec2:CreateTags"]
    resources = ["arn:${local.partition}:ec2:*:${local.account}:instance/*"]
    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/managedby"
      values   = [local.managed_by]
    }
    condition {
      test     = "ForAllValues:StringEquals"
      variable = "aws:TagKeys"
      values   = ["Name", "hostname"]
    }
  }

  # A volume that outlived its instance; EC2 removes none that is in use.
  statement {
    sid       = "RemoveVolumesLeftOver"
    actions   = ["ec2:DeleteVolume"]
    resources = ["arn:${local.partition}:ec2:*:${local.account}:volume/*"]
    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/managedby"
      values   = [local.managed_by]
    }
  }

  statement {
    sid = "ManageEnclaveHosts"
    actions = [
      "ec2:RebootInstances", "ec2:StartInstances", "ec2:StopInstances", "ec2:TerminateInstances",
    ]
    resources = ["arn:${local.partition}:ec2:*:${local.account}:instance/*"]
    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/managedby"
      values   = [local.managed_by]
    }
  }

  statement {
    sid       = "CreateLoadBalancers"
    actions   = ["elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:CreateTargetGroup"]
    resources = ["*"]
    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/managedby"
      values   = [local.managed_by]
    }
  }

  # Of what is there only ours is tagged (below): a tag would make anything ours.
  statement {
    sid       = "TagWhatIsCreated"
    actions   = ["elasticloadbalancing:AddTags"]
    resources = ["*"]
    condition {
      test     = "StringEquals"
      variable = "elasticloadbalancing:CreateAction"
      values   = ["CreateLoadBalancer", "CreateTargetGroup", "CreateListener"]
    }
  }

  statement {
    sid = "ManageEnclaveLoadBalancers"
    actions = [
      "elasticloadbalancing:AddTags", "elasticloadbalancing:CreateListener", "elasticloadbalancing:DeleteListener",
      "elasticloadbalancing:DeleteLoadBalancer", "elasticloadbalancing:DeleteTargetGroup",
      "elasticloadbalancing:DeregisterTargets", "elasticloadbalancing:ModifyListener",
      "elasticloadbalancing:ModifyLoadBalancerAttributes", "elasticloadbalancing:ModifyTargetGroup",
      "elasticloadbalancing:ModifyTargetGroupAttributes", "elasticloadbalancing:RegisterTargets",
      "elasticloadbalancing:SetSubnets",
    ]
    resources = ["*"]
    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/managedby"
      values   = [local.managed_by]
    }
  }

  statement {
    sid       = "CreateEndpointServices"
    actions   = ["ec2:CreateVpcEndpointServiceConfiguration"]
    resources = ["arn:${local.partition}:ec2:*:${local.account}:vpc-endpoint-service/*"]
    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/managedby"
      values   = [local.managed_by]
    }
  }

  statement {
    sid = "ManageEnclaveEndpointServices"
    actions = [
      "ec2:DeleteVpcEndpointServiceConfigurations", "ec2:ModifyVpcEndpointServiceConfiguration",
      "ec2:ModifyVpcEndpointServicePermissions", "ec2:RejectVpcEndpointConnections",
    ]
    resources = ["arn:${local.partition}:ec2:*:${local.account}:vpc-endpoint-service/*"]
    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/managedby"
      values   = [local.managed_by]
    }
  }

  statement {
    sid       = "LoadBalancersServiceRole"
    actions   = ["iam:CreateServiceLinkedRole"]
    resources = ["*"]
    condition {
      test     = "StringEquals"
      variable = "iam:AWSServiceName"
      values   = ["elasticloadbalancing.amazonaws.com"]
    }
  }

  statement {
    sid       = "GiveHostsTheirRoleAndNoOther"
    actions   = ["iam:PassRole"]
    resources = [aws_iam_role.host.arn]
    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ec2.amazonaws.com"]
    }
  }

  statement {
    sid       = "SeeThatTheAccountIsSetUp"
    actions   = ["iam:GetRole", "iam:GetInstanceProfile"]
    resources = [aws_iam_role.host.arn, aws_iam_instance_profile.host.arn]
  }

  statement {
    sid = "EncryptVolumesThroughEc2"
    actions = [
      "kms:CreateGrant", "kms:Decrypt", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo",
    ]
    resources = ["arn:${local.partition}:kms:*:${local.account}:key/*"]
    condition {
      test     = "ForAnyValue:StringLike"
      variable = "kms:ResourceAliases"
      values   = ["alias/vespa-ebs-key-*"]
    }
    condition {
      test     = "StringLike"
      variable = "kms:ViaService"
      values   = ["ec2.*.amazonaws.com"]
    }
  }

  statement {
    sid       = "SeeTheVolumeKey"
    actions   = ["kms:DescribeKey"]
    resources = ["arn:${local.partition}:kms:*:${local.account}:key/*"]
    condition {
      test     = "ForAnyValue:StringLike"
      variable = "kms:ResourceAliases"
      values   = ["alias/vespa-ebs-key-*"]
    }
  }

  statement {
    sid       = "NeverTheArchive"
    effect    = "Deny"
    actions   = ["s3:*", "ssm:*"]
    resources = ["*"]
  }
}

# --- the hosts ------------------------------------------------------------------------------------------------------

resource "aws_iam_role" "host" {
  name        = local.host_role
  description = "Vespa hosts of enclave zones: they add to the log archive and can read nothing back"
  tags        = merge(local.tags, { tenant = var.tenant_name })
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ec2.amazonaws.com" }
    }]
  })
}

resource "aws_iam_policy" "host" {
  name        = "vespa-tenant-host"
  description = "Write-only access to the enclave's log archives"
  tags        = local.tags
  policy      = data.aws_iam_policy_document.host.json
}

resource "aws_iam_role_policy_attachment" "host" {
  role       = aws_iam_role.host.name
  policy_arn = aws_iam_policy.host.arn
}

resource "aws_iam_instance_profile" "host" {
  name = local.host_role
  role = aws_iam_role.host.name
  tags = local.tags
}

data "aws_iam_policy_document" "host" {
  statement {
    sid       = "AddToTheArchive"
    actions   = ["s3:PutObject", "s3:PutObjectTagging"]
    resources = ["arn:${local.partition}:s3:::vespa-archive-${local.account}-*/*"]
  }
  statement {
    sid       = "EncryptTheArchive"
    actions   = ["kms:GenerateDataKey"]
    resources = ["arn:${local.partition}:kms:*:${local.account}:key/*"]
    condition {
      test     = "ForAnyValue:StringLike"
      variable = "kms:ResourceAliases"
      values   = ["alias/vespa-archive-key-*"]
    }
    condition {
      test     = "StringLike"
      variable = "kms:ViaService"
      values   = ["s3.*.amazonaws.com"]
    }
  }
}
