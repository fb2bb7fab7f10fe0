"""PixCrawler: words in, an image dataset out."""
