"""Wall sheets: any area, theme and paper size, drawn one by one or as a batch."""
