resource "aws_vpc" "control_plane" {
  cidr_block                       = var.vpc_cidr
  assign_generated_ipv6_cidr_block = true
  tags                             = merge(local.tags, { Name = local.name })
}

resource "aws_internet_gateway" "control_plane" {
  vpc_id = aws_vpc.control_plane.id
  tags   = merge(local.tags, { Name = local.name })
}

resource "aws_subnet" "public" {
  vpc_id            = aws_vpc.control_plane.id
  availability_zone = data.aws_availability_zone.zone.name
  cidr_block        = cidrsubnet(var.vpc_cidr, 4, 0)
  ipv6_cidr_block   = cidrsubnet(aws_vpc.control_plane.ipv6_cidr_block, 8, 0)
  tags              = merge(local.tags, { Name = "${local.name}-public" })
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.control_plane.id
  tags   = merge(local.tags, { Name = "${local.name}-public" })
  route {
    ipv6_cidr_block = "::/0"
    gateway_id      = aws_internet_gateway.control_plane.id
  }
}

resource "aws_route_table_association" "public" {
  subnet_id      = aws_subnet.public.id
  route_table_id = aws_route_table.public.id
}

resource "aws_security_group" "control_plane" {
  name        = local.name
  description = "Control plane: APIs over mTLS, the tunnel, nothing else"
  vpc_id      = aws_vpc.control_plane.id
  tags        = merge(local.tags, { Name = local.name })

  ingress {
    description      = "APIs: through the Config NLB and inside the VPC"
    protocol         = "tcp"
    from_port        = 4443
    to_port          = 4443
    ipv6_cidr_blocks = [aws_vpc.control_plane.ipv6_cidr_block]
  }
  ingress {
    description      = "instance provider, for zts"
    protocol         = "tcp"
    from_port        = 4444
    to_port          = 4444
    ipv6_cidr_blocks = [aws_subnet.public.ipv6_cidr_block]
  }
  ingress {
    description      = "config servers tell each other their keys"
    protocol         = "tcp"
    from_port        = 4445
    to_port          = 4445
    ipv6_cidr_blocks = [aws_subnet.public.ipv6_cidr_block]
  }
  ingress {
    description      = "WireGuard, the mesh between config servers"
    protocol         = "udp"
    from_port        = 51821
    to_port          = 51821
    ipv6_cidr_blocks = [aws_subnet.public.ipv6_cidr_block]
  }
  ingress {
    description      = "WireGuard, from hosts anywhere"
    protocol         = "udp"
    from_port        = 51820
    to_port          = 51820
    ipv6_cidr_blocks = ["::/0"]
  }
  ingress {
    description      = "path MTU and reachability"
    protocol         = "icmpv6"
    from_port        = -1
    to_port          = -1
    ipv6_cidr_blocks = ["::/0"]
  }
  egress {
    protocol         = "-1"
    from_port        = 0
    to_port          = 0
    ipv6_cidr_blocks = ["::/0"]
  }
}

# --- the Config NLB --------------------------------------------------------------------------------------------------

resource "aws_lb" "config" {
  name               = "vespa-config-${local.short}"
  load_balancer_type = "network"
  internal           = false
  ip_address_type    = "dualstack"
  subnets            = [aws_subnet.public.id]
  tags               = merge(local.tags, { Name = "vespa-config-${var.zone}" })
  depends_on         = [aws_internet_gateway.control_plane]
}

locals {
  # What stands behind each port of the Config NLB.
  fronts = {
    configserver = { port = 443 }
    controller   = { port = 4443 }
    zts          = { port = 8443 }
  }
  # Keyed by name and place, which are known before the addresses are.
  front_targets = {
    for target in concat(
      [for server in local.configservers : { front = "configserver", place = server.index, address = server.address }],
      [{ front = "controller", place = 1, address = local.controller_address }],
      [{ front = "zts", place = 1, address = local.zts_address }],
    ) : "${target.front}-${target.place}" => target
  }
}

resource "aws_lb_target_group" "front" {
  for_each        = local.fronts
  name            = "vespa-${each.key}-${local.short}"
  vpc_id          = aws_vpc.control_plane.id
  port            = 4443
  protocol        = "TCP"
  target_type     = "ip"
  ip_address_type = "ipv6"
  health_check {
    protocol            = "TCP"
    interval            = 5
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
  tags = local.tags
}

moved {
  from = aws_lb_target_group_attachment.front["configserver"]
  to   = aws_lb_target_group_attachment.front["configserver-1"]
}
moved {
  from = aws_lb_target_group_attachment.front["controller"]
  to   = aws_lb_target_group_attachment.front["controller-1"]
}
moved {
  from = aws_lb_target_group_attachment.front["zts"]
  to   = aws_lb_target_group_attachment.front["zts-1"]
}

resource "aws_lb_target_group_attachment" "front" {
  for_each         = local.front_targets
  target_group_arn = aws_lb_target_group.front[each.value.front].arn
  target_id        = each.value.address
  port             = 4443
  depends_on       = [module.zts, module.controller, module.configserver]
}

resource "aws_lb_listener" "front" {
  for_each          = local.fronts
  load_balancer_arn = aws_lb.config.arn
  port              = each.value.port
  protocol          = "TCP"
  tags              = local.tags
  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.front[each.key].arn
  }
}
