"""The desk served over HTTP: the API, who may write, what is kept, and the page."""
