// An ordered, lossless JSON value.
