"""Jobs: files in, a file out. Nothing here prints, and nothing here knows who watches."""
