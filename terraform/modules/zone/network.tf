resource "aws_vpc" "zone" {
  cidr_block                       = var.vpc_cidr
  assign_generated_ipv6_cidr_block = true
  enable_dns_hostnames             = true
  tags = merge(local.tags, {
    Name                   = local.name
    archive_bucket         = local.bucket
    vespa_template_version = "0.1.0"
  })
}

# Nothing uses the default group; this empties it.
resource "aws_default_security_group" "default" {
  vpc_id = aws_vpc.zone.id
  tags   = merge(local.tags, { Name = "${local.name}-default-unused" })
}

resource "aws_internet_gateway" "zone" {
  vpc_id = aws_vpc.zone.id
  tags   = merge(local.tags, { Name = local.name })
}

resource "aws_egress_only_internet_gateway" "zone" {
  vpc_id = aws_vpc.zone.id
  tags   = merge(local.tags, { Name = local.name })
}

# --- hosts: IPv6 out through the egress-only gateway, IPv4 nowhere ---------------------------------------------------

resource "aws_subnet" "tenant" {
  vpc_id                          = aws_vpc.zone.id
  availability_zone               = data.aws_availability_zone.zone.name
  cidr_block                      = cidrsubnet(var.vpc_cidr, 1, 1)
  ipv6_cidr_block                 = cidrsubnet(aws_vpc.zone.ipv6_cidr_block, 8, 0)
  assign_ipv6_address_on_creation = true
  tags                            = merge(local.tags, { Name = "${local.name}-tenant", service = "tenant" })
}

resource "aws_route_table" "tenant" {
  vpc_id = aws_vpc.zone.id
  tags   = merge(local.tags, { Name = "${local.name}-tenant" })
  route {
    ipv6_cidr_block        = "::/0"
    egress_only_gateway_id = aws_egress_only_internet_gateway.zone.id
  }
}

resource "aws_route_table_association" "tenant" {
  subnet_id      = aws_subnet.tenant.id
  route_table_id = aws_route_table.tenant.id
}

# --- load balancers: reached by IPv6, no public IPv4 -----------------------------------------------------------------

resource "aws_subnet" "tenantelb" {
  vpc_id                          = aws_vpc.zone.id
  availability_zone               = data.aws_availability_zone.zone.name
  cidr_block                      = cidrsubnet(var.vpc_cidr, 4, 0)
  ipv6_cidr_block                 = cidrsubnet(aws_vpc.zone.ipv6_cidr_block, 8, 1)
  assign_ipv6_address_on_creation = true
  tags                            = merge(local.tags, { Name = "${local.name}-tenantelb", service = "tenantelb" })
}

resource "aws_route_table" "tenantelb" {
  vpc_id = aws_vpc.zone.id
  tags   = merge(local.tags, { Name = "${local.name}-tenantelb" })
  route {
    ipv6_cidr_block = "::/0"
    gateway_id      = aws_internet_gateway.zone.id
  }
}

resource "aws_route_table_association" "tenantelb" {
  subnet_id      = aws_subnet.tenantelb.id
  route_table_id = aws_route_table.tenantelb.id
}

# --- the same again in each further availability zone ---------------------------------------------------------------

resource "aws_subnet" "more_tenant" {
  for_each                        = local.more_zones
  vpc_id                          = aws_vpc.zone.id
  availability_zone               = data.aws_availability_zone.more[each.key].name
  cidr_block                      = cidrsubnet(var.vpc_cidr, 4, 2 + each.value)
  ipv6_cidr_block                 = cidrsubnet(aws_vpc.zone.ipv6_cidr_block, 8, 2 + 2 * each.value)
  assign_ipv6_address_on_creation = true
  tags                            = merge(local.tags, { Name = "${local.name}-tenant-${each.key}", service = "tenant" })
}

resource "aws_route_table_association" "more_tenant" {
  for_each       = local.more_zones
  subnet_id      = aws_subnet.more_tenant[each.key].id
  route_table_id = aws_route_table.tenant.id
}

resource "aws_subnet" "more_tenantelb" {
  for_each                        = local.more_zones
  vpc_id                          = aws_vpc.zone.id
  availability_zone               = data.aws_availability_zone.more[each.key].name
  cidr_block                      = cidrsubnet(var.vpc_cidr, 8, 16 + each.value)
  ipv6_cidr_block                 = cidrsubnet(aws_vpc.zone.ipv6_cidr_block, 8, 3 + 2 * each.value)
  assign_ipv6_address_on_creation = true
  tags                            = merge(local.tags, { Name = "${local.name}-tenantelb-${each.key}", service = "tenantelb" })
}

resource "aws_route_table_association" "more_tenantelb" {
  for_each       = local.more_zones
  subnet_id      = aws_subnet.more_tenantelb[each.key].id
  route_table_id = aws_route_table.tenantelb.id
}

# --- what may pass: the ACL for the hosts' subnet (stateless), the group for each host (stateful) --------------------

resource "aws_network_acl" "tenant" {
  vpc_id     = aws_vpc.zone.id
  subnet_ids = concat([aws_subnet.tenant.id], [for subnet in aws_subnet.more_tenant : subnet.id])
  tags       = merge(local.tags, { Name = "${local.name}-tenant" })

  ingress {
    rule_no    = 100
    action     = "allow"
    protocol   = "-1"
    cidr_block = var.vpc_cidr
    from_port  = 0
    to_port    = 0
  }
  ingress {
    rule_no         = 101
    action          = "allow"
    protocol        = "-1"
    ipv6_cidr_block = aws_vpc.zone.ipv6_cidr_block
    from_port       = 0
    to_port         = 0
  }
  # Answers to what hosts began; new connections from outside have no way past the egress-only gateway and the group.
  ingress {
    rule_no         = 110
    action          = "allow"
    protocol        = "tcp"
    ipv6_cidr_block = "::/0"
    from_port       = 32768
    to_port         = 65535
  }
  ingress {
    rule_no         = 111
    action          = "allow"
    protocol        = "udp"
    ipv6_cidr_block = "::/0"
    from_port       = 32768
    to_port         = 65535
  }
  ingress {
    rule_no         = 112
    action          = "allow"
    protocol        = "58"
    ipv6_cidr_block = "::/0"
    from_port       = 0
    to_port         = 0
    icmp_type       = -1
    icmp_code       = -1
  }
  egress {
    rule_no    = 100
    action     = "allow"
    protocol   = "-1"
    cidr_block = var.vpc_cidr
    from_port  = 0
    to_port    = 0
  }
  egress {
    rule_no         = 101
    action          = "allow"
    protocol        = "-1"
    ipv6_cidr_block = "::/0"
    from_port       = 0
    to_port         = 0
  }
}

resource "aws_security_group" "host" {
  name        = "${local.name}-host"
  description = "Vespa hosts: inside the VPC the node port and ping, outside nothing comes in"
  vpc_id      = aws_vpc.zone.id
  tags        = merge(local.tags, { Name = "${local.name}-host", service = "hostedvpc" })

  ingress {
    description      = "load balancers and nodes to nodes"
    protocol         = "tcp"
    from_port        = 4443
    to_port          = 4443
    ipv6_cidr_blocks = [aws_vpc.zone.ipv6_cidr_block]
  }
  ingress {
    description      = "path MTU and reachability inside the VPC"
    protocol         = "icmpv6"
    from_port        = -1
    to_port          = -1
    ipv6_cidr_blocks = [aws_vpc.zone.ipv6_cidr_block]
  }
  egress {
    description      = "IPv6 out: bootstrap, tunnel, AWS APIs"
    protocol         = "-1"
    from_port        = 0
    to_port          = 0
    ipv6_cidr_blocks = ["::/0"]
  }
}
