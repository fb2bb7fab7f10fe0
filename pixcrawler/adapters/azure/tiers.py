"""The product's storage tiers in Azure's words; Azure's own tier "Cold" is none of them."""

from __future__ import annotations

from azure.storage.blob import StandardBlobTier

from pixcrawler.domain.storage import StorageTier

AZURE_TIERS = {
    StorageTier.HOT: StandardBlobTier.HOT,
    StorageTier.WARM: StandardBlobTier.COOL,
    StorageTier.COLD: StandardBlobTier.ARCHIVE,
}
