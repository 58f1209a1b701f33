// sirocco: the command line. Reads like a table of contents.
print("sirocco")
