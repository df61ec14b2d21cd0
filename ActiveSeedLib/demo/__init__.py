"""A generated cohort: images to try everything on where no data may be used or fetched."""
