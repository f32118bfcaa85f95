# Direct access for the vendor's operators, by the tenant's own decision: apply this module to grant it, remove it to
# end it. It ends by itself at `until`. What it makes is all there is: without it no agent on the hosts is let in by AWS, no
# sshd listens, and nobody outside the account may open a session. Sessions go through SSM and stand in this account's
# CloudTrail; one that is open when the grant ends goes on until it is closed: `aws ssm terminate-session` does that.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  account    = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition
  tags       = { managedby = "vespa-cloud", until = var.until }
  host_role  = "vespa.tenant.${var.tenant_name}.aws-${local.account}.tenant-host-service"
  only_until = { DateLessThan = { "aws:CurrentTime" = var.until } }
  on_hosts = {
    StringEquals = { "aws:ResourceTag/managedby" = "vespa-cloud" }
    DateLessThan = { "aws:CurrentTime" = var.until }
  }
}

# --- who may --------------------------------------------------------------------------------------------------------

resource "aws_iam_role" "login" {
  name                 = "vespa-ssh-login"
  description          = "Operators of the vendor open sessions on Vespa hosts until ${var.until}: ${var.reason}"
  max_session_duration = 3600
  tags                 = local.tags
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

# Each right is to one document on hosts, so that no other command and no other kind of session is granted with it.
resource "aws_iam_role_policy" "login" {
  name = "vespa-ssh-login"
  role = aws_iam_role.login.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "CommandsOnEnclaveHosts"
        Effect    = "Allow"
        Action    = "ssm:SendCommand"
        Resource  = "arn:${local.partition}:ec2:*:${local.account}:instance/*"
        Condition = local.on_hosts
      },
      {
        # Without the check a session that names no document, which is a shell, would need the instance alone.
        Sid       = "SessionsOnEnclaveHosts"
        Effect    = "Allow"
        Action    = "ssm:StartSession"
        Resource  = "arn:${local.partition}:ec2:*:${local.account}:instance/*"
        Condition = merge(local.on_hosts, { BoolIfExists = { "ssm:SessionDocumentAccessCheck" = "true" } })
      },
      {
        Sid       = "OnlySessionsForSsh"
        Effect    = "Allow"
        Action    = "ssm:StartSession"
        Resource  = "arn:${local.partition}:ssm:*::document/AWS-StartSSHSession"
        Condition = local.only_until
      },
      {
        Sid       = "OnlyTheCommandThatOpensTheDoor"
        Effect    = "Allow"
        Action    = "ssm:SendCommand"
        Resource  = aws_ssm_document.login.arn
        Condition = local.only_until
      },
      {
        Sid       = "SeeWhatBecameOfIt"
        Effect    = "Allow"
        Action    = "ssm:GetCommandInvocation"
        Resource  = "*"
        Condition = local.only_until
      },
      {
        Sid      = "OwnSessions"
        Effect   = "Allow"
        Action   = ["ssm:TerminateSession", "ssm:ResumeSession"]
        Resource = "arn:${local.partition}:ssm:*:${local.account}:session/$${aws:userid}-*"
      },
    ]
  })
}

# --- how ------------------------------------------------------------------------------------------------------------

# The hosts' SSM agent is let in by AWS only as long as this stands.
resource "aws_iam_role_policy_attachment" "agent" {
  role       = local.host_role
  policy_arn = "arn:${local.partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"
}

# Puts an operator's key on a host for some minutes, and starts an sshd there that listens on the host's loopback only, for
# as long. It prints the port and the host's public key, by which the operator's ssh knows whom it talks to.
resource "aws_ssm_document" "login" {
  name            = "vespa-ssh-login"
  document_type   = "Command"
  document_format = "JSON"
  tags            = local.tags
  content = jsonencode({
    schemaVersion = "2.2"
    description   = "An operator's key for ${var.minutes} minutes, and an sshd on loopback to use it with"
    parameters = {
      key = {
        type           = "String"
        description    = "The operator's public key"
        allowedPattern = "ssh-ed25519 [A-Za-z0-9+/]{68}( [A-Za-z0-9:._-]{1,100})?"
      }
    }
    mainSteps = [{
      action = "aws:runShellScript"
      name   = "openTheDoor"
      inputs = {
        timeoutSeconds = "60"
        runCommand     = split("\n", templatefile("${path.module}/open-the-door.sh", { minutes = var.minutes, port = var.port }))
      }
    }]
  })
}
