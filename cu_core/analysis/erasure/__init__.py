"""The erasure record: what was asked, done and measured for one run, as signed JSON and as a page to print."""
