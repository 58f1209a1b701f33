// kernels.h
