"""What is made for people to look at: pages, wall sheets, reports, charts, files for other programs."""
