"""Audio signals to frames of numbers: spectra, mel filters, MFCC, openSMILE."""
