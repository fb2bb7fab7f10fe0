"""PixCrawler: words in, an image dataset out."""

__version__ = "0.1.0"
