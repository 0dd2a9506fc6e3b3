module rustus/hook

go 1.24
