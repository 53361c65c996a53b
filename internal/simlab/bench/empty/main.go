// Command empty does nothing. The start of an action is measured against it.
package main

func main() {}
