"""The queues and containers of one test of triggers."""

from __future__ import annotations

import base64
import json
import uuid

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient


class Space:
    """The queues and containers of one test."""

    def __init__(self, connection: str) -> None:
        self.name = f"t{uuid.uuid4().hex[:12]}"
        self.environment = {
            "SPACE": self.name,
            "TICK": "0 0 0 1 1 *",
            "AzureWebJobsStorage": connection,
        }
        self._queues = QueueServiceClient.from_connection_string(connection)
        self._blobs = BlobServiceClient.from_connection_string(connection)

    def close(self) -> None:
        self._queues.close()
        self._blobs.close()

    def send(self, queue: str, text: str, *, encode: bool = True) -> None:
        """Put a message into a queue, made when missing."""
        client = self._queues.get_queue_client(f"{self.name}-{queue}")
        content = base64.b64encode(text.encode()).decode() if encode else text
        try:
            client.send_message(content)
        except ResourceNotFoundError:
            client.create_queue()
            client.send_message(content)

    def peek(self, queue: str) -> list[str]:
        """The texts that wait in a queue."""
        client = self._queues.get_queue_client(f"{self.name}-{queue}")
        return [message.content for message in client.peek_messages(max_messages=32)]

    def count(self, queue: str) -> int:
        """How many messages a queue holds, hidden ones included."""
        client = self._queues.get_queue_client(f"{self.name}-{queue}")
        return client.get_queue_properties().approximate_message_count

    def exists(self, queue: str) -> bool:
        """Whether there is such a queue."""
        return any(q.name == f"{self.name}-{queue}" for q in self._queues.list_queues(self.name))

    def poison_blobs(self) -> list[dict[str, str]]:
        """What the poison queue of blob triggers says about this space."""
        client = self._queues.get_queue_client("webjobs-blobtrigger-poison")
        try:
            messages = client.peek_messages(max_messages=32)
        except ResourceNotFoundError:
            return []
        told = [json.loads(base64.b64decode(message.content)) for message in messages]
        return [item for item in told if item["ContainerName"].startswith(self.name)]

    def put(self, container: str, name: str, data: bytes, **metadata: str) -> None:
        """Write a blob; its container is made when missing."""
        client = self._blobs.get_container_client(f"{self.name}-{container}")
        if not client.exists():
            client.create_container()
        client.upload_blob(name, data, overwrite=True, metadata=metadata or None)

    def blobs(self, container: str) -> dict[str, bytes]:
        """All blobs of a container."""
        client = self._blobs.get_container_client(f"{self.name}-{container}")
        if not client.exists():
            return {}
        return {
            blob.name: client.download_blob(blob.name).readall() for blob in client.list_blobs()
        }
