"""The course of a training at the command line."""
