"""PostgreSQL: jobs, datasets and what people are shown of them."""
