"""What to do about a problem with Nacos, in one line each of Chinese and English.

Room: network. `agent.json` and the log carry these lines; docs/troubleshooting.md lists them.
"""

from common.nacos_client import NacosError, NacosForbidden, NacosUnreachable, Target


class NoNamespace(NacosError):
    """The console does not know our namespace."""


def unreachable(target: Target) -> str:
    servers = ", ".join(target.servers)
    return (
        f"无法连接 Nacos（{servers}）：请检查 NACOS_SERVER、网络，以及 HTTP 端口与其 +1000 的 gRPC 端口。 "
        f"Cannot reach Nacos at {servers}: check NACOS_SERVER, the network, and that the port and the one "
        "1000 above it (gRPC) are open."
    )


def forbidden(target: Target) -> str:
    return (
        "Nacos 拒绝访问：请检查 NACOS_USERNAME、NACOS_PASSWORD，以及该用户对命名空间 "
        f"{target.namespace} 的读写权限。 Nacos refuses the user {target.username or '(none)'}: check "
        f"NACOS_USERNAME and NACOS_PASSWORD, and that the user may read and write in {target.namespace}."
    )


def no_namespace(target: Target) -> str:
    return (
        f"Nacos 中没有命名空间 {target.namespace}：请在控制台“命名空间”中新建，ID 与此完全相同。 "
        f"The namespace {target.namespace} does not exist in Nacos: create it in the console with exactly "
        "this id, or set NACOS_NAMESPACE."
    )


def unwritable(error: OSError) -> str:
    return (
        f"文件无法写入：{error.filename}。 "
        f"A file cannot be written ({error.strerror}): {error.filename}. Check SERVICE_RUN_DIR and the disk."
    )


def about(error: NacosError, target: Target) -> str:
    """The line for `error`."""
    if isinstance(error, NacosForbidden):
        return forbidden(target)
    if isinstance(error, NacosUnreachable):
        return unreachable(target)
    if isinstance(error, NoNamespace):
        return no_namespace(target)
    return f"Nacos 拒绝了请求。 Nacos refused: {error}"
