module refuse-meme

go 1.21
