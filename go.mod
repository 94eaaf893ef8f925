module github.com/touchfold/touchfold

go 1.26
