"""Is an answer what AWS's own service model says it is? Every client that local_region makes asks this of every answer, so that
each test also tests the answers' shape: no element the model does not know, none of the wrong type, none missing that is required."""
import base64
import binascii
import json
import re
import xml.etree.ElementTree

# What newer models know and Debian's botocore does not: (service, shape, member).
NEWER_VALUES = {"InstanceType", "NetworkInterfaceType", "AttachmentStatus"}
NEWER = {
    ("ec2", "CreateSecurityGroupResult", "securityGroupArn"), ("ec2", "NetworkInterfaceIpv6Address", "isPrimaryIpv6"),
    ("ec2", "Instance", "currentInstanceBootMode"), ("ec2", "NatGatewayAddress", "isPrimary"), ("ec2", "InstanceIpv6Address", "isPrimaryIpv6"), ("ec2", "NatGatewayAddress", "status"),
    ("kms", "GetKeyPolicyResponse", "PolicyName"), ("kms", "GetKeyRotationStatusResponse", "KeyId"),
    ("kms", "GetKeyRotationStatusResponse", "RotationPeriodInDays"), ("kms", "GetKeyRotationStatusResponse", "NextRotationDate"),
    ("s3", "Object", "ChecksumType"), ("s3", "Checksum", "ChecksumType"), ("s3", "ObjectVersion", "ChecksumType"), ("s3", "ListPartsOutput", "ChecksumType"),
    ("s3", "MultipartUpload", "ChecksumType"), ("s3", "CompleteMultipartUploadOutput", "ChecksumType"),
    ("ssm", "ParameterMetadata", "ARN"),
    ("elbv2", "LoadBalancer", "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic"),
    ("elbv2", "SetSecurityGroupsOutput", "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic"),
}


class Wrong(AssertionError):
    pass


def local(tag):
    return tag.rsplit("}", 1)[-1]


NUMBER = {"integer": r"-?\d+", "long": r"-?\d+", "float": r"-?\d+(\.\d+)?([eE][+-]?\d+)?", "double": r"-?\d+(\.\d+)?([eE][+-]?\d+)?",
          "boolean": r"true|false", "timestamp": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"}


def check_text(shape, text, path):
    """A scalar as XML has it."""
    pattern = NUMBER.get(shape.type_name)
    if pattern and not re.fullmatch(pattern, text):
        raise Wrong(f"{path}: {text!r} is no {shape.type_name}")
    check_value(shape, text, path)


def check_value(shape, text, path):
    if shape.type_name == "blob":
        try:
            base64.b64decode(text, validate=True)
        except binascii.Error:
            raise Wrong(f"{path}: not base64") from None
    # EC2 itself says "available" where its model has "Available"
    if shape.type_name != "string" or not shape.enum or shape.name in NEWER_VALUES:
        return
    if text.lower() not in [value.lower() for value in shape.enum]:
        raise Wrong(f"{path}: {text!r} is none of {', '.join(shape.enum)[:200]}")


def element_name(shape, name):
    if shape.type_name == "list" and shape.serialization.get("flattened"):
        return shape.member.serialization.get("name", shape.serialization.get("name", name))
    return shape.serialization.get("name", name)


def check_xml(service, shape, node, path, known=()):
    if shape.type_name == "structure":
        check_xml_structure(service, shape, node, path, known)
    elif shape.type_name == "list":
        item = shape.member.serialization.get("name", "member")
        for at, child in enumerate(node):
            if local(child.tag) != item:
                raise Wrong(f"{path}: <{local(child.tag)}> in a list of <{item}>")
            check_xml(service, shape.member, child, f"{path}[{at}]")
    elif shape.type_name == "map":
        for entry in node:
            names = {local(child.tag): child for child in entry}
            check_xml(service, shape.key, names[shape.key.serialization.get("name", "key")], path)
            check_xml(service, shape.value, names[shape.value.serialization.get("name", "value")], path)
    else:
        if len(node):
            raise Wrong(f"{path}: elements where text is expected")
        check_text(shape, node.text or "", path)


def check_xml_structure(service, shape, node, path, known):
    members = {}
    for name, member in shape.members.items():
        if member.serialization.get("location") in ("header", "headers", "statusCode"):
            continue
        if member.serialization.get("xmlAttribute"):
            continue
        members[element_name(member, name)] = (name, member)
    seen = set()
    for child in node:
        tag = local(child.tag)
        if tag in known or (service, shape.name, tag) in NEWER:
            continue
        if tag not in members:
            raise Wrong(f"{path}: <{tag}> is not in {shape.name}")
        name, member = members[tag]
        if member.type_name == "list" and member.serialization.get("flattened"):
            check_xml(service, member.member, child, f"{path}.{name}")
        elif name in seen:
            raise Wrong(f"{path}: <{tag}> twice")
        else:
            check_xml(service, member, child, f"{path}.{name}")
        seen.add(name)
    missing = [name for name in shape.required_members
               if name not in seen and element_name(shape.members[name], name) in members
               and shape.members[name].type_name != "list"]
    if missing:
        raise Wrong(f"{path}: {shape.name} lacks {', '.join(missing)}")


def check_json(service, shape, value, path):
    kind = shape.type_name
    wanted = {"structure": dict, "map": dict, "list": list, "string": str, "blob": str, "boolean": bool, "integer": int, "long": int,
              "float": (int, float), "double": (int, float), "timestamp": (int, float)}[kind]
    if not isinstance(value, wanted) or (isinstance(value, bool) and kind != "boolean"):
        raise Wrong(f"{path}: {value!r} is no {kind}")
    if kind == "structure":
        for name, member in value.items():
            if name not in shape.members and (service, shape.name, name) not in NEWER:
                raise Wrong(f"{path}: {name} is not in {shape.name}")
            if name in shape.members:
                check_json(service, shape.members[name], member, f"{path}.{name}")
        missing = [name for name in shape.required_members if name not in value]
        if missing:
            raise Wrong(f"{path}: {shape.name} lacks {', '.join(missing)}")
    elif kind == "list":
        for at, item in enumerate(value):
            check_json(service, shape.member, item, f"{path}[{at}]")
    elif kind == "map":
        for name, item in value.items():
            check_json(service, shape.key, name, path)
            check_json(service, shape.value, item, f"{path}.{name}")
    elif isinstance(value, str):
        check_value(shape, value, path)


def check_error(protocol, body, headers, path):
    if protocol == "json":
        said = json.loads(body)
        if "__type" not in said or not any(name.lower() == "message" for name in said):
            raise Wrong(f"{path}: a refusal is {{__type, message}}, not {said}")
        return
    error = xml.etree.ElementTree.fromstring(body)
    tags = {local(child.tag) for child in error.iter()}
    if not {"Code", "Message"} <= tags or not tags & {"RequestId", "RequestID"}:
        raise Wrong(f"{path}: a refusal lacks its code, message or request id: {tags}")


def check_answer(operation, answer):
    service, protocol = operation.service_model.service_name, operation.service_model.metadata["protocol"]
    body, path, shape = answer["body"], f"{service}.{operation.name}", operation.output_shape
    if not any(name.lower() in ("x-amzn-requestid", "x-amz-request-id") for name in answer["headers"]):
        raise Wrong(f"{path}: no request id")
    if answer["status_code"] >= 300:
        if body:
            check_error(protocol, body, answer["headers"], path)
        return
    if protocol == "json":
        said = json.loads(body) if body else {}
        if shape:
            check_json(service, shape, said, path)
        elif said:
            raise Wrong(f"{path}: something in an answer that has nothing")
        return
    if protocol == "rest-xml":
        if not shape or operation.has_streaming_output:
            return
        payload = shape.serialization.get("payload")
        inside = shape.members[payload] if payload else shape
        if body and inside.type_name == "structure":
            check_xml(service, inside, xml.etree.ElementTree.fromstring(body), path)
        return
    root = xml.etree.ElementTree.fromstring(body)
    if local(root.tag) != f"{operation.name}Response":
        raise Wrong(f"{path}: <{local(root.tag)}>")
    if protocol == "query":
        wrapper = (shape.serialization.get("resultWrapper") if shape else None) or f"{operation.name}Result"
        result = [child for child in root if local(child.tag) == wrapper]
        others = {local(child.tag) for child in root} - {wrapper, "ResponseMetadata"}
        if others:
            raise Wrong(f"{path}: {others} beside the result")
        if shape and result:
            check_xml(service, shape, result[0], path)
        return
    if shape:
        check_xml(service, shape, root, path, known=("requestId", "return"))


def watch(client, seen=None):
    """From now on each answer that this client gets is checked; `seen` gathers what was called."""
    model = client.meta.service_model

    def received(response_dict, event_name, **_):
        if response_dict is None:
            return  # no answer came
        operation = model.operation_model(event_name.rsplit(".", 1)[-1])
        if seen is not None:
            seen.add((model.service_name, operation.name))
        check_answer(operation, response_dict)

    client.meta.events.register(f"response-received.{model.service_id.hyphenize()}", received)
    return client
