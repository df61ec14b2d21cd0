"""What both front ends do with a project; plain Python, without any user interface or torch."""
