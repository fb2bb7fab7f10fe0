"""The addresses under which an instance is managed, and the durable client's binding."""

from __future__ import annotations

import json
from urllib.parse import quote

WEBHOOKS = "/runtime/webhooks/durabletask"
"""Where the public management API begins."""

_PLACEHOLDER = "INSTANCEID"
_CONNECTION = "Storage"


class Links:
    """Makes addresses for one hub; they carry the system key, so they are secrets."""

    def __init__(self, hub_name: str, system_key: str) -> None:
        self._hub = hub_name
        self._key = system_key

    def management(self, origin: str, instance_id: str) -> dict[str, str]:
        """The answer to a start: one address for each operation.

        Args:
            origin: scheme, host and port of the host.
            instance_id: of which instance.
        """
        base = f"{origin}{WEBHOOKS}/instances/{quote(instance_id, safe='')}"
        suffix = f"taskHub={quote(self._hub)}&connection={_CONNECTION}&{self._code()}"
        return {
            "id": instance_id,
            "statusQueryGetUri": f"{base}?{suffix}",
            "sendEventPostUri": f"{base}/raiseEvent/{{eventName}}?{suffix}",
            "terminatePostUri": f"{base}/terminate?reason={{text}}&{suffix}",
            "rewindPostUri": f"{base}/rewind?reason={{text}}&{suffix}",
            "purgeHistoryDeleteUri": f"{base}?{suffix}",
            "restartPostUri": f"{base}/restart?{suffix}",
            "suspendPostUri": f"{base}/suspend?reason={{text}}&{suffix}",
            "resumePostUri": f"{base}/resume?reason={{text}}&{suffix}",
        }

    def client_binding(self, origin: str, rpc_url: str) -> str:
        """What a durable client's parameter receives, JSON text.

        Args:
            origin: scheme, host and port of the host.
            rpc_url: the address of the local RPC, which is the management API without keys.
        """
        base = f"{origin}{WEBHOOKS}"
        creation = f"{base}/orchestrators/{{functionName}}[/{{instanceId}}]"
        waiting = "timeout={timeoutInSeconds}&pollingInterval={intervalInSeconds}"
        return json.dumps(
            {
                "taskHubName": self._hub,
                "creationUrls": {
                    "createNewInstancePostUri": f"{creation}?{self._code()}",
                    "createAndWaitOnNewInstancePostUri": f"{creation}?{waiting}&{self._code()}",
                },
                "managementUrls": self.management(origin, _PLACEHOLDER),
                "baseUrl": base,
                "requiredQueryStringParameters": self._code(),
                # The SDK appends paths to it as it stands.
                "rpcBaseUrl": rpc_url.rstrip("/") + "/",
            }
        )

    def _code(self) -> str:
        return f"code={quote(self._key, safe='')}"
