"""The emergency desk: where help is needed, who brings it first, with what."""
